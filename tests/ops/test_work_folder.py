"""Code that was unpacked for a review does not outlive the process that unpacked it."""

import subprocess
import sys
from pathlib import Path

from app.work_folder import own_folder

PROGRAM = """
import sys, time
from pathlib import Path
from app.work_folder import own_folder
with own_folder(Path(sys.argv[1])) as folder:
    (folder / "change-1").mkdir()
    (folder / "change-1" / "code.py").write_text("secret = 1")
    print(folder, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-I", "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    folders: list[Path] = []
    for process in processes:
        assert process.stdout is not None
        folders.append(Path(process.stdout.readline().strip()))
    killed, alive = processes
    killed.kill()
    killed.wait()
    with own_folder(tmp_path) as own:
        assert [folder.exists() for folder in (*folders, own)] == [False, True, True]
    assert not own.exists()
    alive.kill()
    alive.wait()
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
