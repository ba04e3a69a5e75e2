"""HTTP: contests, leaderboards, and the page that shows both."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from starlette.templating import Jinja2Templates

from clickme.contests import service
from clickme.contests.boards import ALL_TIME, MILLION, Board, Entry, Scope, board_of_contest
from clickme.contests.leaderboard import SHOWN, Leaderboards, View
from clickme.contests.models import Contest, State
from clickme.contests.prose import as_html
from clickme.contests.schemas import ContestResponse, EntryResponse, LeaderboardResponse
from clickme.contests.windows import in_words, zone_called
from clickme.kit.clock import as_time
from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.kit.web import Transaction, errors, house_of
from clickme.players.models import Player
from clickme.players.session import player_of

router = APIRouter(tags=["contests"])

MOST_CONTESTS = 100  # in a list; a campaign has had 25

# What the page says of a contest. The script beside it adds how long it is until then.
STATES = {
    State.ANNOUNCED: "It has not opened yet.",
    State.OPEN: "It is open.",
    State.COUNTING: "It is over. The last rounds are being counted.",
    State.FROZEN: "It is over, and these standings are final.",
}


def leaderboards_of(request: Request) -> Leaderboards:
    leaderboards: Leaderboards = request.app.state.leaderboards
    return leaderboards


def perhaps_player(request: Request, house: Annotated[House, Depends(house_of)]) -> int | None:
    return player_of(request, house)


TheLeaderboards = Annotated[Leaderboards, Depends(leaderboards_of)]
TheHouse = Annotated[House, Depends(house_of)]
PerhapsPlayer = Annotated[int | None, Depends(perhaps_player)]
ContestNumber = Annotated[
    int | None, Query(ge=1, le=2**63 - 1, description="With scope=contest: which, if not the present one.")
]


@router.get("/api/contests")
def contests(session: Transaction, leaderboards: TheLeaderboards) -> list[ContestResponse]:
    """All contests, the latest first; the latest hundred at most."""
    now = as_time(leaderboards.clock.now())
    return [ContestResponse.of(contest, now) for contest in service.contests(session)[:MOST_CONTESTS]]


@router.get("/api/leaderboard", responses=errors(404, 422))
def leaderboard(
    house: TheHouse,
    leaderboards: TheLeaderboards,
    player_id: PerhapsPlayer,
    scope: Scope = Scope.ALL,
    contest: ContestNumber = None,
) -> LeaderboardResponse:
    """The leaderboard of today, of a contest or of all time. Strangers may look too."""
    if contest is not None and scope is not Scope.CONTEST:
        raise Problem("contest_needs_scope", "A contest is asked for with scope=contest.", status=422)
    return answer(house, leaderboards, player_id, scope, contest)


@router.api_route("/leaderboard", methods=["GET", "HEAD"], include_in_schema=False)
def leaderboard_page(
    request: Request,
    house: TheHouse,
    leaderboards: TheLeaderboards,
    player_id: PerhapsPlayer,
    scope: Scope | None = None,
    contest: ContestNumber = None,
) -> HTMLResponse:
    """The page: its first look is made here, the next ones by its script."""
    now = as_time(leaderboards.clock.now())
    with house.database.transaction() as session:
        known = [ContestResponse.of(one, now) for one in service.contests(session)[:MOST_CONTESTS]]
    if scope is None:
        is_open = any(one.state is State.OPEN for one in known)
        scope = Scope.CONTEST if is_open or contest is not None else Scope.TODAY
    try:
        board = answer(house, leaderboards, player_id, scope, contest)
    except Problem as problem:
        raise HTTPException(problem.status, problem.message) from None
    templates: Jinja2Templates = request.app.state.templates
    return templates.TemplateResponse(
        request,
        "leaderboard.html",
        {
            "board": board,
            "contests": known,
            "upcoming": next((one for one in reversed(known) if one.state is State.ANNOUNCED), None),
            "rules": as_html(board.contest.rules) if board.contest else "",
            "states": STATES,
            "shown": shown,
            "when": when,
            "lines": SHOWN,
        },
    )


def answer(
    house: House, leaderboards: Leaderboards, player_id: int | None, scope: Scope, contest_id: int | None
) -> LeaderboardResponse:
    """A board with one's own line. Problem `no_such_contest`."""
    now = as_time(leaderboards.clock.now())
    contest = chosen(house, contest_id, now) if scope is Scope.CONTEST else None
    board = board_of(leaderboards, scope, contest)
    view = leaderboards.view(board) if board else View([], now)
    own = own_entry(house, leaderboards, board, view, player_id) if board and player_id else None
    return LeaderboardResponse(
        scope=scope,
        contest=ContestResponse.of(contest, now) if contest else None,
        as_of=view.as_of,
        frozen=board is not None and board.is_final,
        entries=[line(entry, player_id) for entry in view.entries],
        you=line(own, player_id) if own else None,
    )


def chosen(house: House, contest_id: int | None, now: datetime) -> Contest | None:
    with house.database.transaction() as session:
        return (
            service.present(session, now) if contest_id is None else service.contest_of(session, contest_id)
        )


def board_of(leaderboards: Leaderboards, scope: Scope, contest: Contest | None) -> Board | None:
    match scope:
        case Scope.ALL:
            return ALL_TIME
        case Scope.TODAY:
            return leaderboards.today()
        case Scope.CONTEST:
            return board_of_contest(contest) if contest else None


def own_entry(
    house: House, leaderboards: Leaderboards, board: Board, view: View, player_id: int
) -> Entry | None:
    """One's own line: the one in the view, so that both say the same, or else of one's own."""
    for entry in view.entries:
        if entry.player_id == player_id:
            return entry
    with house.database.transaction() as session:
        player = session.get(Player, player_id)
    if player is None:
        return None
    place = leaderboards.place(board, player_id)
    return Entry(place.better + 1, player_id, player.name, place.score)


def line(entry: Entry, player_id: int | None) -> EntryResponse:
    return EntryResponse(
        place=entry.place, name=entry.name, score=entry.score / MILLION, you=entry.player_id == player_id
    )


def shown(score: float, counts: str = "points") -> str:
    """A score as people read it: points out of 100 a photograph, or photographs. As score.js has it."""
    return f"{int(score * (1 if counts == 'rounds' else 100) + 0.5):,}"


def when(moment: datetime, zone: str) -> str:
    return in_words(moment, zone_called(zone))
