"""The settings of a process: read from the environment once, frozen, passed to the parts that need them."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

PREFIX = "ONSALE_"
_NAME = re.compile(r"(field|at) `(?:\$\.)?(\w+)`")

_WHOLE = re.compile(r"-?[0-9]+", re.ASCII)
_SEPARATORS = re.compile(r"[\s,]+")

Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Milliseconds = Annotated[int, Meta(ge=1, le=2_678_400_000)]
"""Up to 31 days."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every limit, timeout and address. The environment variable of `x` is `ONSALE_X`."""

    redis_url: str = "redis://127.0.0.1:6379/0"
    postgres_url: str = "postgresql://127.0.0.1:5432/onsale"
    gateway_url: str = "http://127.0.0.1:8090"
    log_level: str = "info"

    # Engine
    partitions: Annotated[int, Meta(ge=1, le=100)] = 16
    batch_commands: Annotated[int, Meta(ge=1, le=1024)] = 1024
    batch_redis_ms: Milliseconds = 5
    sweep_slice: Annotated[int, Meta(ge=1, le=512)] = 64
    queue_commands: Count = 8192
    command_timeout_ms: Milliseconds = 2000
    connect_timeout_ms: Milliseconds = 1000
    start_patience_ms: Milliseconds = 30_000
    archive_seconds: Count = 86_400
    booking_expires_ms: Milliseconds = 28_800_000
    replica_acks: Annotated[int, Meta(ge=0, le=16)] = 0
    replica_timeout_ms: Milliseconds = 1000
    memory_percent: Annotated[int, Meta(ge=1, le=100)] = 90

    # Limits; 0: none
    customer_per_minute: Annotated[int, Meta(ge=0, le=60_000)] = 0
    customer_burst: Count = 20
    address_per_minute: Annotated[int, Meta(ge=0, le=60_000)] = 0
    address_burst: Count = 100
    reads_per_minute: Annotated[int, Meta(ge=0, le=60_000)] = 0
    reads_burst: Count = 200
    wrong_codes_per_minute: Annotated[int, Meta(ge=1, le=60_000)] = 30
    wrong_codes_burst: Count = 20
    trusted_proxies: str = ""
    live_holds: Annotated[int, Meta(ge=0, le=1000)] = 0
    cool_down_expiries: Annotated[int, Meta(ge=0, le=1000)] = 0
    cool_down_seconds: Annotated[int, Meta(ge=1, le=3600)] = 600
    customer_idle_place_seconds: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    address_idle_place_seconds: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    address_places: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    nobodys_places: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    shortest_hold_seconds: Annotated[int, Meta(ge=1, le=3600)] = 60
    payment_attempts: Annotated[int, Meta(ge=0, le=8)] = 0
    payment_pause_seconds: Annotated[int, Meta(ge=0, le=3600)] = 0

    # API
    allowed_hosts: str = ""
    max_body_bytes: Count = 65_536
    max_manifest_bytes: Count = 33_554_432
    body_timeout_ms: Milliseconds = 10_000
    idle_seconds: Count = 60
    write_seconds: Count = 30
    max_connections: Count = 20_000
    catalogue_age_ms: Milliseconds = 100
    availability_age_ms: Milliseconds = 100
    page_cache_bytes: Count = 67_108_864
    direct_requests: bool = True
    direct_wait_ms: Milliseconds = 2000
    list_patience_ms: Milliseconds = 1000
    streams: bool = True
    max_streams: Count = 10_000
    stream_heartbeat_ms: Annotated[int, Meta(ge=1, le=15_000)] = 10_000
    slot_horizon_days: Annotated[int, Meta(ge=1, le=3650)] = 730
    shutdown_seconds: Count = 15

    # Who may ask what (docs/access.md)
    auth: Literal["jwt", "off"] = "jwt"
    jwt_secret: str = ""
    jwt_jwks: str = ""
    jwt_issuer: str = "onsale"
    jwt_audience: str = "onsale"
    jwt_leeway_seconds: Annotated[int, Meta(ge=0, le=300)] = 10
    jwt_cache_bytes: Count = 33_554_432
    jwt_longest_seconds: Count = 31_536_000
    jwks_refresh_ms: Milliseconds = 300_000
    jwks_pause_ms: Milliseconds = 10_000
    jwks_timeout_ms: Milliseconds = 2000
    metrics_token: str = ""
    cors_origins: str = ""
    traces_url: str = ""
    traces_one_in: Count = 100
    compress_bytes: Count = 1024
    prometheus_url: str = ""
    shop: bool = False
    payment_page: str = ""

    # Payments
    gateway_timeout_ms: Milliseconds = 2000
    payment_jobs: Count = 1000
    pin_seconds: Count = 600
    callback_secrets: str = ""
    unsigned_callbacks: bool = False
    answer_seconds: Count = 86_400
    customer_keys: Annotated[int, Meta(ge=0, le=1_000_000)] = 200

    # Doors (docs/doors.md)
    eticket_secrets: str = ""
    slot_early_seconds: Annotated[int, Meta(ge=0, le=86_400)] = 1800
    slot_late_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 3600
    document_cache_bytes: Count = 33_554_432

    # Postgres, in every process that uses it
    postgres_pool: Count = 4
    postgres_timeout_ms: Milliseconds = 5000

    # Sync
    sync_batch_entries: Count = 500
    sync_poll_ms: Milliseconds = 1000
    sweep_interval_ms: Milliseconds = 250
    resolve_interval_ms: Milliseconds = 1000
    resolve_after_ms: Milliseconds = 3000
    refunds_per_second: Annotated[int, Meta(ge=1, le=100_000)] = 520
    publish_interval_ms: Milliseconds = 5000
    purge_interval_ms: Milliseconds = 60_000
    booking_retention_seconds: Count = 2_592_000
    personal_data_seconds: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    sync_metrics_host: str = "127.0.0.1"
    clock_jump_ms: Milliseconds = 1000
    sync_metrics_port: Annotated[int, Meta(ge=0, le=65_535)] = 0

    # Webhooks
    webhook_networks: str = ""
    webhook_hosts: str = ""
    webhook_ports: str = ""
    webhook_timeout_ms: Milliseconds = 15_000
    webhook_calls: Annotated[int, Meta(ge=1, le=256)] = 16
    webhook_retry_ms: Milliseconds = 1000
    webhook_window_seconds: Count = 86_400
    webhook_keep_seconds: Count = 2_592_000

    def __repr__(self) -> str:
        """Names the class only: URLs have passwords in them."""
        return "Settings(...)"


def listed(text: str) -> list[str]:
    """The parts of a setting that is a list: spaces and commas separate them alike."""
    return [part for part in _SEPARATORS.split(text) if part]


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from `ONSALE_*` variables, the rest at their defaults.

    Raises ValueError for a variable that is unknown or out of range, and says which.
    """
    given = {name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX)}
    for field in msgspec.structs.fields(Settings):
        if isinstance(field.default, int) and not isinstance(field.default, bool):
            text = given.get(field.name, "0")
            if not _WHOLE.fullmatch(text):  # msgspec would take 1.0 and 1e3
                variable = f"{PREFIX}{field.name.upper()}"
                raise ValueError(f"settings: `{variable}` must be a whole number in digits, not {text!r}")
    try:
        return msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        named = _NAME.sub(lambda match: f"{match[1]} `{PREFIX}{match[2].upper()}`", str(error))
        raise ValueError(f"settings: {named}; the variables and their defaults are in docs/settings.md") from error
