"""The product's name in the one place where the code spells it."""

NAME = "Corrigent"
# What people type on every forge. It is not a mention, so it can ping nobody.
COMMAND_PREFIX = "/corrigent"
CONFIG_FILE = ".corrigent.yaml"
RULES_FOLDER = ".corrigent"
BRANCH_PREFIX = "corrigent/"
# The name of our check run, and the word in every hidden marker.
CHECK_NAME = "Corrigent"
MARKER_WORD = "corrigent"
