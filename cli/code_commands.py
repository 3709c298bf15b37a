"""The commands of `onsale codes`. Each only reads its options and calls what does the work, as those in cli/main.py."""

from typing import IO, Any

import click

from cli.progress import progress
from cli.settings import settings_from_environment


@click.group()
def codes() -> None:
    """Make, list and export codes of an event."""


_EVENT = click.IntRange(1, 2_147_483_647)
_MANY = click.IntRange(1, 2_147_483_647)


@codes.command("make")
@click.argument("event_id", type=_EVENT)
@click.argument("names", nargs=-1)
@click.option(
    "--kind", type=click.Choice(["access", "discount", "allocation"]), required=True, help="Kind of the codes."
)
@click.option("--count", type=click.IntRange(1, 100_000), help="Number of random codes.")
@click.option("--prefix", default="", help="Beginning of each random code.")
@click.option("--ticket", "ticket_ids", type=_EVENT, multiple=True, help="Id of a ticket they are for; default: all.")
@click.option("--max-uses", type=_MANY, help="Uses of each code.")
@click.option("--max-places", type=_MANY, help="Places of one use.")
@click.option("--percent", type=click.IntRange(1, 100), help="Discount: percentage.")
@click.option("--amount-off", type=_MANY, help="Discount: minor units off each place.")
@click.option("--price", type=click.IntRange(0), help="Discount: price of a place, in minor units.")
@click.option("--budget", type=_MANY, help="Discount: minor units that all uses of a code may save.")
@click.option("--places", type=_MANY, help="Allocation: places that are set aside for each code.")
@click.option("--tag", help="Text by which the codes are found again.")
@click.option("--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="File for the codes.")
def make(event_id: int, names: tuple[str, ...], output: IO[str], **options: Any) -> None:
    """Make codes by NAMES, or random ones; one line each."""
    from cli.codes import make_codes
    from engine.words import CodeKind
    from sync.codes.terms import CodeFields

    fields = CodeFields(
        CodeKind(options["kind"]),
        list(options["ticket_ids"]),
        max_uses=options["max_uses"],
        max_places_per_use=options["max_places"],
        tag=options["tag"],
        percent=options["percent"],
        amount_off_minor=options["amount_off"],
        price_minor=options["price"],
        budget_minor=options["budget"],
        places=options["places"],
    )
    settings = settings_from_environment()
    with progress("making codes"):
        made = make_codes(settings, event_id, fields, list(names), options["count"] or 0, options["prefix"])
    click.echo(made, file=output, nl=False)


@codes.command("list")
@click.argument("event_id", type=_EVENT)
@click.option("--tag", help="Only codes with this tag.")
def list_codes(event_id: int, tag: str | None) -> None:
    """List the codes of an event with what is used of each."""
    from cli.codes import list_as_table

    settings = settings_from_environment()
    with progress("reading"):
        told = list_as_table(settings, event_id, tag)
    click.echo(told, nl=False)


@codes.command("export")
@click.argument("event_id", type=_EVENT)
@click.option("--tag", help="Only codes with this tag.")
@click.option("--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="File for the CSV.")
def export(event_id: int, tag: str | None, output: IO[str]) -> None:
    """Write the codes of an event as CSV."""
    from cli.codes import export_as_csv

    settings = settings_from_environment()
    with progress("reading"):
        told = export_as_csv(settings, event_id, tag)
    click.echo(told, file=output, nl=False)
