"""Unity's messages as Google's own library knows them, to compare with."""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "communicator_objects"
FIELDS = {
    "ObservationProto.FloatData": "repeated float data 1",
    "ObservationProto": """
        repeated int32 shape 1
        int32 compression_type 2
        bytes compressed_data 3
        ObservationProto.FloatData float_data 4
        repeated int32 compressed_channel_mapping 5
        repeated int32 dimension_properties 6
        int32 observation_type 7
        string name 8""",
    "AgentInfoProto": """
        float reward 7
        bool done 8
        bool max_step_reached 9
        int32 id 10
        repeated bool action_mask 11
        repeated ObservationProto observations 13
        int32 group_id 14
        float group_reward 15""",
    "AgentActionProto": """
        repeated float vector_actions_deprecated 1
        float value 4
        repeated float continuous_actions 6
        repeated int32 discrete_actions 7""",
    "AgentInfoActionPairProto": """
        AgentInfoProto agent_info 1
        AgentActionProto action_info 2""",
    "ActionSpecProto": """
        int32 num_continuous_actions 1
        int32 num_discrete_actions 2
        repeated int32 discrete_branch_sizes 3
        repeated string action_descriptions 4""",
    "BrainParametersProto": """
        repeated int32 vector_action_size_deprecated 3
        repeated string vector_action_descriptions_deprecated 5
        int32 vector_action_space_type_deprecated 6
        string brain_name 7
        bool is_training 8
        ActionSpecProto action_spec 9""",
    "DemonstrationMetaProto": """
        int32 api_version 1
        string demonstration_name 2
        int32 number_steps 3
        int32 number_episodes 4
        float mean_reward 5""",
    "UnityRLCapabilitiesProto": """
        bool baseRLCapabilities 1
        bool concatenatedPngObservations 2
        bool compressedChannelMapping 3
        bool hybridActions 4
        bool trainingAnalytics 5
        bool variableLengthObservation 6
        bool multiAgentGroups 7""",
    "HeaderProto": """
        int32 status 1
        string message 2""",
    # maps as the messages that they are sent as
    "UnityRLOutputProto": """
        repeated UnityRLOutputProto.Entry agentInfos 2
        bytes side_channel 3""",
    "UnityRLOutputProto.Entry": """
        string key 1
        ListAgentInfoProto value 2""",
    "ListAgentInfoProto": "repeated AgentInfoProto value 1",
    "UnityRLInputProto": """
        repeated UnityRLInputProto.Entry agent_actions 1
        int32 command 4
        bytes side_channel 5""",
    "UnityRLInputProto.Entry": """
        string key 1
        ListAgentActionProto value 2""",
    "ListAgentActionProto": "repeated AgentActionProto value 1",
    "UnityRLInitializationInputProto": """
        int32 seed 1
        string communication_version 2
        string package_version 3
        UnityRLCapabilitiesProto capabilities 4
        int32 num_areas 5""",
    "UnityRLInitializationOutputProto": """
        string name 1
        string communication_version 2
        string log_path 3
        repeated BrainParametersProto brain_parameters 5
        string package_version 7
        UnityRLCapabilitiesProto capabilities 8""",
    "UnityOutputProto": """
        UnityRLOutputProto rl_output 1
        UnityRLInitializationOutputProto rl_initialization_output 2""",
    "UnityInputProto": """
        UnityRLInputProto rl_input 1
        UnityRLInitializationInputProto rl_initialization_input 2""",
    "UnityMessageProto": """
        HeaderProto header 1
        UnityOutputProto unity_output 2
        UnityInputProto unity_input 3""",
}


def _classes():
    file = descriptor_pb2.FileDescriptorProto(name="unity.proto", package=PACKAGE, syntax="proto3")
    outer = {}
    for name in sorted(FIELDS):  # a nested message behind the one around it
        around, _, own = name.rpartition(".")
        place = outer[around].nested_type if around else file.message_type
        outer[name] = place.add(name=own)
    for name, lines in FIELDS.items():
        for line in lines.strip().splitlines():
            *label, kind, field, number = line.split()
            _add(outer[name], label, kind, field, int(number))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in FIELDS
    }


def _add(message, label, kind, name, number):
    field = message.field.add(name=name, number=number)
    field.label = field.LABEL_REPEATED if label else field.LABEL_OPTIONAL
    if kind in FIELDS:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(field, f"TYPE_{kind.upper()}")


CLASSES = _classes()
Observation = CLASSES["ObservationProto"]
AgentInfo = CLASSES["AgentInfoProto"]
AgentAction = CLASSES["AgentActionProto"]
Pair = CLASSES["AgentInfoActionPairProto"]
Brain = CLASSES["BrainParametersProto"]
Meta = CLASSES["DemonstrationMetaProto"]
AgentInfos = CLASSES["ListAgentInfoProto"]
AgentActions = CLASSES["ListAgentActionProto"]
Message = CLASSES["UnityMessageProto"]
