"""Commands that open or write pages: play, microscope, site."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from byhand.cli.frame import Json, app, both_names, show_json
from byhand.printable import printable

NoToken = Annotated[
    bool, typer.Option("--no-token", help="Let in every user of this computer, not only who knows the printed address.")
]
AllowHost = Annotated[
    list[str] | None, typer.Option("--allow-host", metavar="NAME", help="A further name of this server, such as a proxy's.")
]


@app.command()
def play(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="The model to begin with; the best that ships unless given.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    no_token: NoToken = False,
    allow_host: AllowHost = None,
) -> None:
    """Open the page on which one draws a digit and sees the network read it."""
    from byhand.shipped import find_model
    from byhand.web.server import play as serve

    found = find_model(model) if model else None
    serve(found, host=host, port=port, open_browser=not no_browser, token=not no_token, names=allow_host or ())


@app.command()
def microscope(
    what: Annotated[
        str,
        typer.Argument(metavar="RECIPE|MODEL|RUN", help="What `byhand explain` takes too.", autocompletion=both_names),
    ],
    step: Annotated[
        int | None, typer.Option(help="Take this many training steps before; of a recorded run, it is that step of the run.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8000,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    no_token: NoToken = False,
    allow_host: AllowHost = None,
) -> None:
    """Open a page on which one walks through a training step, and asks how any number was computed."""
    from byhand.see.chosen_step import check_named
    from byhand.web.server import play as serve

    check_named(what)
    names = allow_host or ()
    serve(None, host=host, port=port, open_browser=not no_browser, token=not no_token, names=names, what=what, step=step)


@app.command()
def site(
    directory: Annotated[Path, typer.Argument(help="Folder to write into.")],
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Models to offer; all that ship unless given.")
    ] = None,
    single_file: Annotated[bool, typer.Option("--single-file", help="Each view as one HTML file that stands alone.")] = False,
    as_json: Json = False,
) -> None:
    """Write the page as static files, for any web host or a blog."""
    from byhand.shipped import find_model
    from byhand.web.site import write_site, written_pages

    page = write_site(directory, [find_model(name) for name in models or []], single_file)
    pages = [str(one) for one in written_pages(directory)]
    told = f"wrote {', '.join(pages)}: each stands alone, with everything inside" if single_file else f"wrote {page}"
    show_json({"page": str(page), "pages": pages}) if as_json else printable(told)
