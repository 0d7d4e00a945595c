"""Whatever is in a file, the answer is settings or a sentence, never a traceback."""

import contextlib

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlagents_tf.errors import SettingsError
from mlagents_tf.settings.document import Document
from mlagents_tf.settings.load import load_text, resolve
from mlagents_tf.settings.registry import built_in_signals, built_in_trainers
from mlagents_tf.settings.run import RunSettings

WORDS = sorted(
    {
        *RunSettings.model_fields,
        *RunSettings.model_fields["behaviors"].annotation.__args__[1].model_fields,
        *(key for model in built_in_trainers().values() for key in model.model_fields),
        *built_in_signals(),
        *("default", "trainer", "ppo", "sac", "offline_bc", "A", "use_recurrent", "num_update"),
        *("train_interval", "pretraining", "memory", "curriculum", "value", "sampler_type"),
        *("framework", "encoding_size", "vis_encoder_type", "resume", "initialize_from", "uniform"),
        *("sampler_parameters", "intervals", "multirangeuniform", "reward_signal_num_update"),
    }
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=3)
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)
BEHAVIORS = st.dictionaries(st.sampled_from(WORDS), TREES, max_size=4)
CURRENT = st.fixed_dictionaries(
    {"behaviors": st.dictionaries(st.sampled_from(["A", "B"]), BEHAVIORS | TREES) | TREES},
    optional={
        "default_settings": BEHAVIORS | TREES,
        "checkpoint_settings": BEHAVIORS,
        "environment_parameters": BEHAVIORS,
    },
)
LEGACY = st.fixed_dictionaries(
    {"default": BEHAVIORS | TREES, "A": BEHAVIORS | TREES}, optional={"B": TREES}
)
OVERRIDES = st.lists(
    st.builds("{}.{}={}".format, st.sampled_from(WORDS), st.sampled_from(WORDS), SCALARS),
    max_size=2,
)


@settings(max_examples=400, deadline=None)
@given(CURRENT | LEGACY | st.dictionaries(st.sampled_from(WORDS), TREES), OVERRIDES)
def test_any_tree_is_settings_or_a_sentence(tree, overrides):
    with contextlib.suppress(SettingsError):
        resolve(Document(tree), {"max_steps": 5, "deterministic": True}, overrides)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40) | TREES.map(yaml.safe_dump))
def test_any_text_is_settings_or_a_sentence(text):
    with contextlib.suppress(SettingsError):
        load_text(text)
