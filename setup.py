"""Packaging of mlagents_tf."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = "0.1.0"

setup(
    name="mlagents-tf",
    version=VERSION,
    description="A TensorFlow/Keras trainer for Unity ML-Agents behaviors",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["mlagents_tf", "mlagents_tf.*"]),
    package_data={"mlagents_tf": ["py.typed"]},
    python_requires=">=3.10,<3.14",
    install_requires=[
        "tensorflow>=2.20,<2.22",
        "tf-keras>=2.20,<2.22",  # TensorFlow Probability does not import without it
        "tensorflow-probability==0.25.*",
        "keras>=3.12,<4",
        "numpy>=1.26,<3",
        "h5py>=3.11,<4",
        "pyyaml>=6,<7",
        "pydantic>=2.7,<3",
        "rich>=13,<16",
        "pillow>=10",
        "psutil>=5.9,<8",
        "threadpoolctl>=3.1,<4",
        "protobuf>=6.31.1,<8",
        "grpcio>=1.78,<2",
        "gymnasium>=1.1,<2",
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.20,<2.22"],
        "onnx": ["onnx>=1.16,<2", "onnxruntime>=1.17,<2"],
        "atari": ["ale-py>=0.12,<1", "gymnasium>=1.1,<2"],
        "pettingzoo": ["pettingzoo>=1.24,<2"],
        "tensorboard": ["tensorboard>=2.20,<2.22"],
        "wandb": ["wandb>=0.17,<1"],
        "mlflow": ["mlflow-skinny>=2.14,<4"],
        "test": [
            "pytest>=8",
            "pytest-xdist>=3.5",
            "hypothesis>=6.100",
            "pettingzoo>=1.24,<2",
            "onnx>=1.16,<2",
            "onnxruntime>=1.17,<2",
            "tensorboard>=2.20,<2.22",
        ],
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3.5",
            "hypothesis>=6.100",
            "ruff>=0.6",
            "mypy>=1.11",
            "types-PyYAML",
            "types-psutil",
            "matplotlib>=3.8",
        ],
    },
    entry_points={
        "console_scripts": [
            "mlagents-tf=mlagents_tf.cli.main:main",
            "mlagents-tf-learn=mlagents_tf.cli.main:learn_main",
        ],
        # as in mlagents_tf/plugins.py, which says why they stand there too
        "mlagents_tf.trainers": [
            "ppo=mlagents_tf.trainers.ppo:PPOTrainer",
            "sac=mlagents_tf.trainers.sac:SACTrainer",
            "poca=mlagents_tf.trainers.poca:POCATrainer",
            "bc=mlagents_tf.trainers.bc:BCTrainer",
        ],
        "mlagents_tf.trainer_settings": [
            "ppo=mlagents_tf.settings.ppo:PPOSettings",
            "sac=mlagents_tf.settings.sac:SACSettings",
            "poca=mlagents_tf.settings.ppo:POCASettings",
            "bc=mlagents_tf.settings.bc:BCSettings",
        ],
        "mlagents_tf.reward_signals": [
            "extrinsic=mlagents_tf.rewards.extrinsic:ExtrinsicReward",
            "curiosity=mlagents_tf.rewards.curiosity:CuriosityReward",
            "gail=mlagents_tf.rewards.gail:GAILReward",
            "rnd=mlagents_tf.rewards.rnd:RNDReward",
        ],
        "mlagents_tf.reward_signal_settings": [
            "extrinsic=mlagents_tf.settings.rewards:ExtrinsicSettings",
            "curiosity=mlagents_tf.settings.rewards:CuriositySettings",
            "gail=mlagents_tf.settings.rewards:GAILSettings",
            "rnd=mlagents_tf.settings.rewards:RNDSettings",
        ],
        "mlagents_tf.encoders": [
            "simple=mlagents_tf.nn.encoders:SimpleEncoder",
            "nature_cnn=mlagents_tf.nn.encoders:NatureEncoder",
            "resnet=mlagents_tf.nn.encoders:ResNetEncoder",
            "match3=mlagents_tf.nn.encoders:Match3Encoder",
            "fully_connected=mlagents_tf.nn.encoders:FullyConnectedEncoder",
        ],
        "mlagents_tf.stats_writers": [
            "tensorboard=mlagents_tf.run.writers:tensorboard",
            "csv=mlagents_tf.run.writers:csv",
            "wandb=mlagents_tf.run.wandb_writer:wandb_writer",
            "mlflow=mlagents_tf.run.mlflow_writer:mlflow_writer",
        ],
    },
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
    ],
)
