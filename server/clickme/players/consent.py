"""What a player agrees to before the first round. The version they agreed to is kept with them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Consent:
    """`text` is plain: paragraphs with an empty line between them."""

    version: str
    title: str
    text: str


# A placeholder that is honest about what is kept. A lab replaces it with what its review board approved,
# and gives that a version of its own.
CONSENT = Consent(
    version="2026-11",
    title="Before you play",
    text="""\
Purpose. This game collects which parts of a photograph people find telling. The collected strokes are \
used in research on vision, in people and in machines, and may be published.

Procedure. You see a photograph and paint over the parts that make it recognisable. A computer that sees \
only those parts tries to name it within seven seconds. Play as long as you like, and stop whenever you like.

Who may take part. You are 18 years or older.

What is kept. Your strokes with their times, the kind of pointer you use, your points, and a name that is \
made up for you. We do not ask for your own name or e-mail address.

Risks and benefits. The risks are no greater than those of any game in a browser. There is no payment.

Your choice. Taking part is voluntary. You can leave at any time by closing the page.

Questions. Ask the people who sent you to this page.""",
)
