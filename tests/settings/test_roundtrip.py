"""What is dumped is what is loaded, for settings that nobody would think of."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlagents_tf.settings.dump import dump_settings
from mlagents_tf.settings.load import load_text
from mlagents_tf.settings.run import RunSettings

NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
COUNTS = st.integers(1, 10**9)
RATES = st.floats(1e-9, 1.0)
NETWORKS = st.fixed_dictionaries(
    {},
    optional={
        "normalize": st.booleans(),
        "hidden_units": COUNTS,
        "vis_encode_type": st.sampled_from(["simple", "resnet"]),
        "memory": st.none() | st.just({"memory_size": 4, "sequence_length": 1}),
        "encoder": st.none() | st.sampled_from(["short", "a_package.module.Class"]),
    },
)


def without_memory(network):
    """A reward signal has none, and a file that gives it one is corrected."""
    return {**network, "memory": None}


SIGNALS = st.fixed_dictionaries(
    {"extrinsic": st.fixed_dictionaries({"gamma": RATES})},
    optional={
        "gail": st.fixed_dictionaries({"demo_path": NAMES, "use_vail": st.booleans()}),
        "rnd": st.fixed_dictionaries({"network_settings": NETWORKS.map(without_memory)}),
    },
)


def trainer(name, **more):
    common = {"learning_rate": RATES, "learning_rate_schedule": st.sampled_from(["linear"])}
    hyperparameters = st.fixed_dictionaries({}, optional={**common, **more})
    return st.fixed_dictionaries(
        {"trainer_type": st.just(name), "hyperparameters": hyperparameters}
    )


TRAINERS = st.one_of(
    trainer("ppo", beta=RATES, shared_critic=st.booleans()),
    trainer("poca", num_epoch=COUNTS),
    trainer("sac", tau=RATES, steps_per_update=st.floats(0.1, 50)),
)
BEHAVIORS = st.builds(
    lambda *parts: {key: value for part in parts for key, value in part.items()},
    TRAINERS,
    st.fixed_dictionaries(
        {},
        optional={
            "network_settings": NETWORKS,
            "reward_signals": SIGNALS,
            "max_steps": COUNTS,
            "even_checkpoints": st.booleans(),
            "keep_checkpoints": COUNTS,
            "init_path": st.none() | NAMES,
            "self_play": st.none() | st.fixed_dictionaries({"save_steps": COUNTS}),
        },
    ),
)
LESSONS = st.builds(
    lambda values, last: {
        "curriculum": [
            {"name": "a", "value": value, "completion_criteria": {"behavior": "B"}}
            for value in values
        ]
        + [{"name": "last", "value": last}]
    },
    st.lists(st.floats(-1e9, 1e9), max_size=3),
    st.just({"sampler_type": "uniform", "sampler_parameters": {"max_value": 3, "seed": 7}}),
)
RUNS = st.fixed_dictionaries(
    {},
    optional={
        "behaviors": st.dictionaries(NAMES, BEHAVIORS, max_size=3),
        "default_settings": st.none() | BEHAVIORS,
        "environment_parameters": st.dictionaries(
            NAMES, st.floats(-1e9, 1e9) | LESSONS, max_size=3
        ),
        "env_settings": st.fixed_dictionaries(
            {}, optional={"env_path": st.none() | NAMES, "env_args": st.lists(NAMES, max_size=3)}
        ),
        "checkpoint_settings": st.fixed_dictionaries(
            {}, optional={"resume": st.booleans(), "run_id": st.from_regex(r"\A[0-9a-f]{1,9}\Z")}
        ),
        "debug": st.booleans(),
    },
)


@settings(max_examples=150, deadline=None)
@given(RUNS)
def test_a_dump_loads_to_equal_settings(tree):
    run = RunSettings.model_validate(tree)
    assert load_text(dump_settings(run)).settings == run


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 10**15), st.sampled_from(["{}", "{}.0", "'{}'", "{:e}", "+{}"]))
def test_an_integer_may_be_written_as_any_number(value, form):
    text = form.format(value)
    if "e" in text:  # scientific notation keeps seven digits
        value = int(float(text))
        text = f"{value}e0"
    loaded = load_text(f"behaviors: {{A: {{max_steps: {text}}}}}")
    assert loaded.settings.behaviors["A"].max_steps == value


@settings(max_examples=100, deadline=None)
@given(st.floats(1e-12, 1e12), st.sampled_from(["{!r}", "'{!r}'", "{:.17g}", "{:.17e}"]))
def test_a_number_may_be_written_in_any_notation(value, form):
    text = f"behaviors: {{A: {{self_play: {{initial_elo: {form.format(value)}}}}}}}"
    assert load_text(text).settings.behaviors["A"].self_play.initial_elo == pytest.approx(value)
