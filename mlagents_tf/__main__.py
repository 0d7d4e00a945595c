"""`python -m mlagents_tf` is `mlagents-tf`."""

import sys

from mlagents_tf.cli.main import main

sys.exit(main())
