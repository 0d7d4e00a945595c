"""Imports go down the floors only, and heavy or dangerous things stay where they belong."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mlagents_tf"
NAME = PACKAGE.name

FLOORS = {
    **dict.fromkeys(
        ("specs", "steps", "errors", "stats", "timers", "settings", "protobuf", "samplers"), 0
    ),
    **dict.fromkeys(("quiet", "version", "plugins"), 0),
    **dict.fromkeys(("ops", "data", "envs"), 1),
    "nn": 2,
    "rewards": 3,
    "trainers": 4,
    "export": 5,
    "run": 6,
    "cli": 7,
    "__main__": 8,
}
SIBLINGS = ("ops", "data", "envs")
TENSORFLOW = ("tensorflow", "keras", "tensorflow_probability", "tf_keras")
MAY_USE_TENSORFLOW = ("ops", "nn", "rewards", "trainers", "export", "run")
IMPORT_IT_LAZILY = ("cli", "quiet")
IMPORTS_PROBABILITY = "nn/distributions.py"
RUNS_CODE = ("pickle", "marshal", "dill", "shelve", "cloudpickle", "joblib")
FORBIDDEN_CALLS = (
    "eval",
    "exec",
    "yaml.load",
    "yaml.unsafe_load",
    "yaml.full_load",
    "tf.saved_model.load",
    "tensorflow.saved_model.load",
    "keras.models.load_model",
    "keras.saving.load_model",
    "tf.keras.models.load_model",
)
PER_AGENT_NAMES = ("agent", "agent_id", "row", "step")


class Module:
    """One source file: its place and its syntax tree."""

    def __init__(self, path, source=None):
        self.path = path
        self.text = path.read_text() if source is None else source
        self.tree = ast.parse(self.text)
        self.where = str(path.relative_to(PACKAGE))
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        self.area = parts[0]
        self.dotted = ".".join((NAME, *parts)).removesuffix(".__init__")

    def imports(self):
        """(line, dotted name, whether it is inside a function, whether it is relative)."""
        inside = {
            id(node)
            for function in ast.walk(self.tree)
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
            for node in ast.walk(function)
        }
        for node in ast.walk(self.tree):
            lazy = id(node) in inside
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node.lineno, alias.name, lazy, False
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    yield node.lineno, f"{node.module or ''}.{alias.name}", lazy, node.level > 0

    def calls(self):
        """(line, dotted name, node) of every call of a plain name."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield node.lineno, dotted(node.func), node


def dotted(node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


def area_of(name):
    """`mlagents_tf.nn.bodies.Body` -> `nn`; None for what is not ours."""
    parts = name.split(".")
    return parts[1] if parts[0] == NAME and len(parts) > 1 else None


def floor_faults(module):
    """Sentences about imports of ours that go up or sideways."""
    own = FLOORS.get(module.area)
    for line, name, _, _ in module.imports():
        area = area_of(name)
        if area is None or area == module.area or area not in FLOORS or own is None:
            continue
        floor = FLOORS[area]
        between_siblings = area in SIBLINGS and module.area in SIBLINGS
        if floor > own or between_siblings:
            yield (
                f"{module.where}:{line} ({module.area}, floor {own}) imports {area} (floor {floor})"
            )


def tensorflow_faults(module):
    """Sentences about TensorFlow where it must not be."""
    for line, name, lazy, _ in module.imports():
        top = name.split(".")[0]
        if top not in TENSORFLOW:
            continue
        if top == "tensorflow_probability" and module.where != IMPORTS_PROBABILITY:
            yield f"{module.where}:{line} imports {top}; only {IMPORTS_PROBABILITY} may"
        elif module.area in IMPORT_IT_LAZILY and not lazy:
            yield f"{module.where}:{line} imports {top} outside of a function"
        elif module.area not in (*MAY_USE_TENSORFLOW, *IMPORT_IT_LAZILY):
            yield f"{module.where}:{line} imports {top}; {module.area} starts without it"


def danger_faults(module):
    """Sentences about whatever can run code that is stored in a file."""
    for line, name, _, _ in module.imports():
        if name.split(".")[0] in RUNS_CODE:
            yield f"{module.where}:{line} imports {name.split('.')[0]}, which runs what it reads"
        if name in ("keras.models.load_model", "keras.saving.load_model", "yaml.load"):
            yield f"{module.where}:{line} imports {name}, which can run what it reads"
    for line, name, node in module.calls():
        if name in FORBIDDEN_CALLS:
            yield f"{module.where}:{line} calls {name}, which can run what it reads"
        for keyword in node.keywords:
            allowed = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            if keyword.arg == "allow_pickle" and not allowed:
                yield f"{module.where}:{line} passes allow_pickle, which can run what it reads"


def style_faults(module):
    """Sentences about relative imports and global generators."""
    for line, name, _, relative in module.imports():
        if relative:
            yield f"{module.where}:{line} imports {name} relatively"
    for line, name, _ in module.calls():
        head, _, function = name.rpartition(".")
        own = function == "default_rng" or function[:1].isupper()
        if head in ("np.random", "numpy.random") and not own:
            yield f"{module.where}:{line} uses NumPy's global generator: {name}"
        if name in ("random.random", "random.seed", "random.shuffle", "random.choice"):
            yield f"{module.where}:{line} uses Python's global generator: {name}"


def loop_faults(module):
    """Sentences about Python loops over agents, rows or steps, by the name of their variable."""
    if module.area in ("cli", "run"):
        return
    for node in ast.walk(module.tree):
        if not isinstance(node, (ast.For, ast.comprehension)) or over_a_dict(node.iter):
            continue
        for name in ast.walk(node.target):
            if isinstance(name, ast.Name) and name.id in PER_AGENT_NAMES:
                yield (
                    f"{module.where}:{name.lineno} loops over each {name.id} in Python; "
                    "use an array operation"
                )


def over_a_dict(node):
    """True for `steps.items()` and the like: one turn for each behavior."""
    called = dotted(node.func) if isinstance(node, ast.Call) else ""
    return called.endswith((".items", ".values", ".keys"))


def state_faults(module):
    """Sentences about empty containers at module level: nobody makes one but to fill it."""
    makers = ("dict", "list", "set", "defaultdict", "collections.defaultdict", "deque")
    for node in module.tree.body:
        value = getattr(node, "value", None)
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or value is None:
            continue
        empty_literal = (isinstance(value, ast.Dict) and not value.keys) or (
            isinstance(value, ast.List) and not value.elts
        )
        made = isinstance(value, ast.Call) and dotted(value.func) in makers and not value.args
        if empty_literal or made:
            yield f"{module.where}:{node.lineno} holds an empty container for the whole process"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Global):
            yield f"{module.where}:{node.lineno} changes a global: {', '.join(node.names)}"


def cycle(modules):
    """Names of modules that import each other in a ring, or an empty list."""
    names = {module.dotted for module in modules}
    edges = {
        module.dotted: {
            found
            for _, name, lazy, _ in module.imports()
            if not lazy and (found := nearest_module(name, names)) and found != module.dotted
        }
        for module in modules
    }
    finished, path = set(), []

    def visit(name):
        if name in path:
            return [*path[path.index(name) :], name]
        if name in finished:
            return []
        path.append(name)
        for other in sorted(edges[name]):
            if ring := visit(other):
                return ring
        path.pop()
        finished.add(name)
        return []

    for name in sorted(edges):
        if ring := visit(name):
            return ring
    return []


def nearest_module(name, names):
    """The module that holds `name`: itself, or the part before its last dot."""
    for candidate in (name, name.rpartition(".")[0]):
        if candidate in names:
            return candidate
    return None


# what is known and intended; every entry says why
EXCEPTIONS = {
    # random actions of scripts written for ML-Agents, which seed them with np.random.seed
    "envs/unity/behavior_spec.py": ("NumPy's global generator",),
    # a default that pydantic replaces during validation, never changed
    "settings/behavior.py": ("holds an empty container",),
    # rows of the table of environments, not of a step
    "envs/registry.py": ("loops over each row",),
    # what was exported a moment ago, or the file that --model names; never a part of a checkpoint
    "export/models.py": ("calls tf.saved_model.load",),
}


def sources():
    return [
        Module(path)
        for path in sorted(PACKAGE.rglob("*.py"))
        if not path.name.endswith(("_pb2.py", "_pb2_grpc.py"))
    ]


MODULES = sources()
RULES = (floor_faults, tensorflow_faults, danger_faults, style_faults, loop_faults, state_faults)


@pytest.mark.parametrize("rule", RULES, ids=[rule.__name__ for rule in RULES])
def test_the_package_keeps(rule):
    faults = [
        fault
        for module in MODULES
        for fault in rule(module)
        if not any(known in fault for known in EXCEPTIONS.get(module.where, ()))
    ]
    assert not faults, "\n" + "\n".join(faults)


def test_no_modules_import_each_other_in_a_ring():
    assert not cycle(MODULES)


def test_every_part_of_the_package_has_a_floor():
    areas = {module.area for module in MODULES if module.area != "__init__"}
    assert areas <= FLOORS.keys()


@pytest.mark.parametrize(
    ("rule", "where", "source", "sentence"),
    [
        (
            floor_faults,
            "nn/x.py",
            "from mlagents_tf.trainers import ppo",
            "nn/x.py:1 (nn, floor 2) imports trainers (floor 4)",
        ),
        (floor_faults, "envs/x.py", "from mlagents_tf.data.tape import Tape", "imports data"),
        (floor_faults, "ops/x.py", "import mlagents_tf.nn", "imports nn"),
        (tensorflow_faults, "envs/x.py", "import tensorflow as tf", "starts without it"),
        (tensorflow_faults, "data/x.py", "def f():\n    import keras", "starts without it"),
        (tensorflow_faults, "cli/x.py", "import tensorflow as tf", "outside of a function"),
        (tensorflow_faults, "nn/x.py", "import tensorflow_probability", "only nn/distributions"),
        (danger_faults, "run/x.py", "import pickle", "imports pickle"),
        (danger_faults, "run/x.py", "x = eval('1')", "calls eval"),
        (danger_faults, "run/x.py", "np.load(p, allow_pickle=True)", "allow_pickle"),
        (danger_faults, "run/x.py", "yaml.load(f)", "calls yaml.load"),
        (danger_faults, "run/x.py", "tf.saved_model.load(p)", "calls tf.saved_model.load"),
        (loop_faults, "data/x.py", "for agent in agents: pass", "loops over each agent"),
        (loop_faults, "data/x.py", "[f(row) for i, row in rows]", "loops over each row"),
        (style_faults, "data/x.py", "from .tape import Tape", "relatively"),
        (style_faults, "data/x.py", "np.random.normal()", "global generator"),
        (state_faults, "data/x.py", "CACHE = {}", "empty container"),
        (state_faults, "data/x.py", "def f():\n    global X", "changes a global"),
    ],
)
def test_a_breach_is_reported_in_a_sentence(rule, where, source, sentence):
    faults = list(rule(Module(PACKAGE / where, source)))
    assert len(faults) == 1
    assert sentence in faults[0]


@pytest.mark.parametrize(
    ("rule", "where", "source"),
    [
        (floor_faults, "trainers/x.py", "from mlagents_tf.data.tape import Tape"),
        (tensorflow_faults, "cli/x.py", "def f():\n    import tensorflow"),
        (loop_faults, "envs/x.py", "for name, step in steps.items(): pass"),
        (danger_faults, "run/x.py", "np.load(p, allow_pickle=False); yaml.safe_load(f)"),
        (style_faults, "data/x.py", "rng = np.random.default_rng(0)"),
    ],
)
def test_what_is_allowed_is_not_reported(rule, where, source):
    assert not list(rule(Module(PACKAGE / where, source)))


def test_a_ring_is_found():
    a = Module(PACKAGE / "nn/a.py", "from mlagents_tf.nn.b import B")
    b = Module(PACKAGE / "nn/b.py", "from mlagents_tf.nn import a")
    assert cycle([a, b]) == ["mlagents_tf.nn.a", "mlagents_tf.nn.b", "mlagents_tf.nn.a"]
