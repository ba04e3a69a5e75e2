"""The page of credits."""

from fastapi import FastAPI
from fastapi.testclient import TestClient
from jinja2 import DictLoader, Environment
from starlette.templating import Jinja2Templates

from clickme.catalogue.routes import router
from clickme.catalogue.service import add_demo
from clickme.kit.house import House

PAGE = """{% for c in credits -%}
{{ c.category }}|{{ c.author }}|{{ c.licence }}|{{ c.source }}|{{ c.is_link }}
{% endfor %}"""


def test_every_bundled_photograph_is_credited(house: House) -> None:
    with house.database.transaction() as session:
        add_demo(session, house.home.photographs, house.settings.limits)
    app = FastAPI()
    app.state.house = house
    pages = Environment(loader=DictLoader({"credits.html": PAGE}), autoescape=True)
    app.state.templates = Jinja2Templates(env=pages)
    app.include_router(router)
    with TestClient(app) as browser:
        page = browser.get("/credits")
    assert page.status_code == 200
    lines = page.text.splitlines()
    assert len(lines) == 31
    koala = "https://commons.wikimedia.org/wiki/File:Koala_Perth_Zoo.jpg"
    assert f"koala|BurningWell|Public Domain|{koala}|True" in lines
