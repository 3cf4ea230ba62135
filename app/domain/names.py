"""The product's name, and names of ours that nobody else may use, in the one place where the code spells them."""

NAME = "Corrigent"
# What people type on every forge. It is not a mention, so it can ping nobody.
COMMAND_PREFIX = "/corrigent"
CONFIG_FILE = ".corrigent.yaml"
RULES_FOLDER = ".corrigent"
BRANCH_PREFIX = "corrigent/"
# The name of our check run, and the word in every hidden marker.
CHECK_NAME = "Corrigent"
MARKER_WORD = "corrigent"

# The connection of what our own pages put into the inbox; none of a forge has this key, so that nothing from outside
# is read as ours.
OWN_CONNECTION = "internal"
