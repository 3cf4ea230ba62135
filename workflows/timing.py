"""Every wait, deadline and retry by name."""

from datetime import timedelta

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityConfig

# How long must a branch be quiet before its new head is reviewed? An agent's burst of pushes becomes one review.
QUIET = timedelta(seconds=20)
# How long may a busy branch put its review off?
QUIET_AT_MOST = timedelta(minutes=2)
# From when is a wait for a limit worth a line in the check?
WORTH_SAYING = timedelta(seconds=45)

# How soon is the activity of a killed worker given to another? Every activity beats several times in this.
LIVES = timedelta(seconds=10)

# What is final by its nature; everything else is tried again.
DEFINITE = ["UserError", "Refused", "ForgeRefused", "Gone", "AccessDenied"]
# A sandbox that is gone does not come back: a new one is made, by whoever knows what was in it.
DEFINITE_IN_ROOM = [*DEFINITE, "SandboxGone"]

UNTIL_IT_WORKS = RetryPolicy(
    initial_interval=timedelta(milliseconds=500),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=1),
    non_retryable_error_types=DEFINITE,
)

# Reads and small writes at the forge, and rows in the store: seconds each, repeated for a day through any outage.
FORGE_CALL = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    heartbeat_timeout=LIVES,
    schedule_to_close_timeout=timedelta(hours=24),
    retry_policy=UNTIL_IT_WORKS,
)
# Fetching a large repository for the first time takes minutes.
FETCH = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=15),
    schedule_to_close_timeout=timedelta(hours=24),
    heartbeat_timeout=LIVES,
    retry_policy=UNTIL_IT_WORKS,
)
# After so many tries of a silent provider its files are said to be unread, and the others' findings are posted.
REVIEWER_TRIES = 5

# A reviewer may read for long.
REVIEWER = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=30),
    schedule_to_close_timeout=timedelta(hours=6),
    heartbeat_timeout=LIVES,
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        maximum_interval=timedelta(minutes=1),
        maximum_attempts=REVIEWER_TRIES,
        non_retryable_error_types=DEFINITE,
    ),
)
# What is proposed in place of lines is worth a few tries, and no review waits long for it.
TRIAL = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    schedule_to_close_timeout=timedelta(minutes=15),
    heartbeat_timeout=LIVES,
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_attempts=REVIEWER_TRIES, non_retryable_error_types=DEFINITE
    ),
)
# Completing a check is the one thing that must not be given up: three days of tries.
CLOSING = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=2),
    heartbeat_timeout=LIVES,
    schedule_to_close_timeout=timedelta(days=3),
    retry_policy=UNTIL_IT_WORKS,
)
CHORE = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=LIVES,
    retry_policy=RetryPolicy(maximum_attempts=3, non_retryable_error_types=DEFINITE),
)

# A sandbox with the repository's own set-up in it: as long as its packages take.
ROOM = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=30),
    schedule_to_close_timeout=timedelta(hours=2),
    heartbeat_timeout=LIVES,
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_attempts=3, non_retryable_error_types=DEFINITE_IN_ROOM
    ),
)
# Some steps of an agent, or the repository's checks before and after a change.
AGENT_WORK = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=60),
    schedule_to_close_timeout=timedelta(hours=6),
    heartbeat_timeout=LIVES,
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        maximum_interval=timedelta(minutes=1),
        maximum_attempts=REVIEWER_TRIES,
        non_retryable_error_types=DEFINITE_IN_ROOM,
    ),
)
# A sandbox that cannot be let go is the reaper's.
ROOM_GOING = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    schedule_to_close_timeout=timedelta(minutes=15),
    heartbeat_timeout=LIVES,
    retry_policy=RetryPolicy(maximum_attempts=3, non_retryable_error_types=DEFINITE_IN_ROOM),
)
# How long may the machine of a sandbox be silent before the sandbox counts as lost with it?
MACHINE_ANSWERS = timedelta(minutes=5)
# How soon is work cancelled again that has not ended? Longer than a step takes to hear of it.
CANCEL_AGAIN_AFTER = timedelta(seconds=5)
# How long is an agent's question open? It costs nothing meanwhile: its sandbox is gone and its workspace is kept.
ASKS_FOR = timedelta(days=3)

# How old may an uncompleted run be before the janitor asks whether its workflow still lives?
JANITOR_AFTER = timedelta(minutes=30)
RECONCILE_EVERY = timedelta(minutes=10)
JANITOR_EVERY = timedelta(minutes=5)
RETENTION_EVERY = timedelta(hours=6)
# How long may a new project of a group be without its webhook? Until then its changes are found by reconciling.
UPKEEP_EVERY = timedelta(hours=1)
# How soon after its end is a pull request measured?
MEASURE_EVERY = timedelta(minutes=10)
# Signals a run may take before it hands over to a fresh one; the server refuses signals at 10,000.
SIGNALS_PER_RUN = 500
