import io
import re
import subprocess
import sys

from mlagents_tf.run.console import Console, settings_tree, summary_line
from mlagents_tf.stats import ELO, GROUP_REWARD, IS_TRAINING, REWARD, StatSummary


def stat(mean, std=0.0):
    return StatSummary(mean, std, mean, mean, 1, mean)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_summary_has_the_words_of_ml_agents():
    assert summary_line("3DBall", 12000, 12.345, {REWARD: stat(1.234, 0.5)}) == (
        "3DBall. Step: 12000. Time Elapsed: 12.345 s. "
        "Mean Reward: 1.234. Std of Reward: 0.500. Training."
    )


def test_a_summary_without_episodes_says_so():
    assert summary_line("3DBall", 10, 1, {}).endswith(
        "s. No episode was completed since last summary. Training."
    )


def test_groups_ratings_and_the_end_of_training_have_their_words():
    summaries = {REWARD: stat(1), GROUP_REWARD: stat(2), IS_TRAINING: stat(0), ELO: stat(1200.5)}
    assert summary_line("B", 1, 2, summaries).endswith(
        "Mean Reward: 1.000. Mean Group Reward: 2.000. Not Training. ELO: 1200.500."
    )


def test_without_a_terminal_there_are_plain_lines_only():
    stream, now = io.StringIO(), [100.0]
    console = Console(stream, clock=lambda: now[0])
    console.start_progress(0, 100)
    now[0] = 103.5
    console.progress(50)
    console.notice("Hello")
    console.warning("[careful]")
    console.write("3DBall", 50, {}, {})
    console.close()
    assert stream.getvalue().splitlines() == [
        "[INFO] Hello",
        "[WARNING] [careful]",
        "[INFO] 3DBall. Step: 50. Time Elapsed: 3.500 s. "
        "No episode was completed since last summary. Training.",
    ]


def test_on_a_terminal_there_is_a_bar_below_the_lines():
    stream = Terminal()
    console = Console(stream)
    console.start_progress(500, 1000)
    console.progress(750)
    console.notice("[bold]Hello " + "x" * 200)
    console.close()
    console.notice("after")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert "[INFO] [bold]Hello " + "x" * 200 in shown
    assert "750/1000" in shown
    assert shown.endswith("[INFO] after\n")


def test_the_banner_names_versions():
    stream = io.StringIO()
    Console(stream).banner()
    assert re.fullmatch(
        r"mlagents-tf \d\S+, tensorflow \S+, keras \S+, numpy \S+\n", stream.getvalue()
    )


def test_names_cannot_control_the_terminal_and_any_encoding_will_do():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    Console(stream).notice("\x1b[2J Ünï")
    assert raw.getvalue() == b"[INFO] ?[2J \\xdcn\\xef\n"


def test_a_closed_output_stops_nobody():
    stream = io.StringIO()
    console = Console(stream)
    stream.close()
    console.notice("Hello")


def test_settings_are_shown_as_a_tree():
    settings = {"trainer_type": "ppo", "hyperparameters": {"lambd": 0.95}}
    assert settings_tree(settings) == "  trainer_type:\tppo\n  hyperparameters:\n    lambd:\t0.95"


def test_neither_console_nor_tables_import_tensorflow():
    code = (
        "import sys; import mlagents_tf.run.console, mlagents_tf.run.csv_writer; "
        "import mlagents_tf.run.checkpoints, mlagents_tf.run.lock; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
