"""Tables and the statements on them."""

import warnings

# The embedded server falls back to the temporary directory by itself; a machine without a login session is nothing to warn of.
warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
