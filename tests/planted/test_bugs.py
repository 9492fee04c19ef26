"""Every planted bug still has its place in the code, so that ``make planted`` can plant it."""

from pathlib import Path

import harmonium
from planted.bugs import BUGS


def test_every_bug_has_one_place_in_the_code():
    home = Path(harmonium.__file__).parent
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    for bug in BUGS:
        assert (home / bug.file).read_text().count(bug.right) >= 1, bug.name
        assert bug.right != bug.wrong
