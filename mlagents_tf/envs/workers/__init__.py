"""Many environments, each in a process of its own, as one."""
