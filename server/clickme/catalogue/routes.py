"""The page that says whose the photographs are."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.templating import Jinja2Templates

from clickme.catalogue import service
from clickme.kit.web import Transaction

router = APIRouter()


@router.get("/credits", response_class=HTMLResponse, include_in_schema=False)
def credits_page(request: Request, session: Transaction) -> HTMLResponse:
    templates: Jinja2Templates = request.app.state.templates
    return templates.TemplateResponse(request, "credits.html", {"credits": service.credits(session)})
