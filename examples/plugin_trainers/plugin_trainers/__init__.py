"""A2C and DQN for mlagents-tf."""
