"""`clickme play`, which closes rounds of servers that are gone after two seconds instead of half a minute.

Tests that break things would else spend most of their time waiting.
"""

from datetime import timedelta

from clickme.cli import main
from clickme.game import play

if __name__ == "__main__":
    play.GRACE = timedelta(seconds=2)
    play.SWEEP = 0.5
    main()
