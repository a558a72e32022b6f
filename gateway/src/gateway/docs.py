"""The API's document and its reading page: Swagger UI from the installed package, no third party, no inline script."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from gateway.reference import Reference
from gateway.routing import LIVE
from servicekit.problems import Problem

OWN = Path(str(files("gateway"))) / "pages"
PACKAGED = Path(str(files("fastapi_offline"))) / "static"
ASSETS = {
    "init.js": OWN / "init.js",
    "swagger-ui-bundle.js": PACKAGED / "swagger-ui-bundle.js",
    "swagger-ui.css": PACKAGED / "swagger-ui.css",
    "favicon.png": PACKAGED / "favicon.png",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def read_openapi(request: Request) -> Response:
    """The merged document."""
    reference: Reference = request.app.state.reference
    given = dict(request.headers.raw)
    form = reference.answer.form(LIVE, given.get(b"accept-encoding"), given.get(b"if-none-match"))
    response = Response(form.body, form.status)
    response.raw_headers = form.headers
    return response


@router.get("/docs")
async def read_docs() -> FileResponse:
    """The page."""
    return FileResponse(OWN / "docs.html", headers={"content-security-policy": POLICY})


@router.get("/docs/{asset}")
async def read_asset(asset: str) -> FileResponse:
    """A file of the page."""
    if asset not in ASSETS:
        raise Problem(404, "not-found", "The reading page has no such file; open /docs.")
    return FileResponse(ASSETS[asset], headers={"cache-control": "public, max-age=3600"})
