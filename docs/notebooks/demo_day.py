"""A demo day in three findings: when fuel is cheapest, what the next station asks, and what drivers make of it.

It reads what `./forecourt export` wrote, by SQL in this process; every figure in its texts is worked out here.
`./forecourt notebook` exports and runs it; `marimo edit docs/notebooks/demo_day.py -- --data exports` opens it.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="A demo day")


@app.cell
def _():
    import json
    from pathlib import Path

    import duckdb
    import marimo as mo
    import matplotlib as mpl
    import numpy as np

    mpl.use("agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3})
    return Path, duckdb, json, mo, np, plt


@app.cell
def _(Path, mo):
    # `--data` is the folder of the exports, `--out` takes the plots and findings.json.
    DATA = Path(mo.cli_args().get("data") or "exports")
    OUT = Path(mo.cli_args()["out"]) if mo.cli_args().get("out") else None
    LEAST_CHANGES, LEAST_STATIONS, LEAST_ORDERS, LEAST_PRICES = 200, 20, 30, 3
    NEAR_METRES, TANK_LITRES = 5_000, 40
    return DATA, LEAST_CHANGES, LEAST_ORDERS, LEAST_PRICES, LEAST_STATIONS, NEAR_METRES, OUT, TANK_LITRES


@app.cell
def _(DATA, duckdb):
    database = duckdb.connect()

    def load(name, event, columns):
        """A table of an event's files; an empty one where there are none."""
        files = sorted(str(one) for one in DATA.glob(f"*/{event}.v1/*/*.parquet"))
        database.execute(f"CREATE TABLE {name} ({columns})")
        if files:
            wanted = ", ".join(one.strip().split(" ")[0] for one in columns.split(","))
            database.execute(
                f"INSERT INTO {name} SELECT {wanted} FROM read_parquet(?, hive_partitioning=true)",  # noqa: S608
                [files],
            )

    load(
        "changes",
        "pricing.PriceChanged",
        "station_id TEXT, fuel TEXT, price_mills BIGINT, currency TEXT, effective_at TIMESTAMPTZ, day DATE",
    )
    load(
        "stations",
        "stations.Station*",
        "station_id TEXT, version BIGINT, name TEXT, time_zone TEXT, lat DOUBLE, lon DOUBLE",
    )
    load(
        "paid",
        "payments.OrderPaid",
        "order_id TEXT, driver_id TEXT, station_id TEXT, fuel TEXT, currency TEXT, price_mills BIGINT, "
        "volume_ml BIGINT, gross_minor BIGINT, paid_minor BIGINT, method TEXT",
    )
    load("refunded", "payments.OrderRefunded", "order_id TEXT, currency TEXT, amount_minor BIGINT")
    database.execute(
        "DELETE FROM stations a USING stations b WHERE a.station_id = b.station_id AND a.version < b.version"
    )
    return (database,)


@app.cell
def _(OUT, plt):
    def found(name, figure=None, **figures):
        """The figures of a finding, or None where there was too little; its plot becomes a file where `--out` says."""
        if figure is None:
            return None
        if OUT is not None:
            OUT.mkdir(parents=True, exist_ok=True)
            figure.savefig(OUT / f"{name}.png", dpi=120, bbox_inches="tight")
        plt.close(figure)
        return figures

    return (found,)


@app.cell
def _(database, mo):
    # The day, grade and currency with the most changes of prices.
    chosen = database.execute(
        "SELECT day, fuel, currency, count(*) AS changes, count(DISTINCT station_id) AS stations FROM changes "
        "WHERE price_mills IS NOT NULL GROUP BY ALL ORDER BY changes DESC, fuel LIMIT 1"
    ).fetchone() or (None, None, None, 0, 0)
    DAY, FUEL, CURRENCY, CHANGES, STATIONS = chosen
    mo.md(
        f"# A demo day\n\n{DAY:%A, %d %B %Y}: {CHANGES:,} changes of the price of {FUEL} at {STATIONS:,} stations."
        if DAY
        else "# A demo day\n\nThere are no changes of prices in these exports."
    )
    return CHANGES, CURRENCY, DAY, FUEL


@app.cell
def _(CURRENCY, DAY, FUEL, database):
    # What each station asked at each full hour, from its first change on.
    database.execute(
        """
        CREATE TABLE known AS
        WITH of_day AS (
            SELECT station_id, price_mills, effective_at FROM changes
            WHERE day = $day AND fuel = $fuel AND currency = $currency AND price_mills IS NOT NULL
        ), hours AS (
            SELECT unnest(generate_series(
                date_trunc('hour', min(effective_at)) + INTERVAL 1 HOUR, max(effective_at) + INTERVAL 59 MINUTE,
                INTERVAL 1 HOUR
            )) AS hour FROM of_day
        ), places AS (SELECT DISTINCT station_id FROM of_day)
        SELECT places.station_id, hours.hour, of_day.price_mills
        FROM (places CROSS JOIN hours)
        ASOF JOIN of_day ON places.station_id = of_day.station_id AND hours.hour >= of_day.effective_at
        """,
        {"day": DAY, "fuel": FUEL, "currency": CURRENCY},
    )
    zones = database.execute(
        "SELECT time_zone FROM stations WHERE station_id IN (SELECT station_id FROM known) "
        "GROUP BY time_zone ORDER BY count(*) DESC, time_zone LIMIT 1"
    ).fetchone()
    ZONE = zones[0] if zones else "UTC"
    return (ZONE,)


@app.cell
def _(CHANGES, CURRENCY, DAY, FUEL, LEAST_CHANGES, ZONE, database, found, mo, np, plt):
    # A chained index: each hour against the hour before, by the stations that are known at both.
    _hours = database.execute(
        """
        WITH steps AS (
            SELECT hour, price_mills - lag(price_mills) OVER (PARTITION BY station_id ORDER BY hour) AS step FROM known
        )
        SELECT extract(hour FROM hour AT TIME ZONE $zone)::INT, coalesce(avg(step), 0)
        FROM steps GROUP BY hour ORDER BY hour
        """,
        {"zone": ZONE},
    ).fetchall()
    if CHANGES < LEAST_CHANGES or len(_hours) < LEAST_CHANGES // 40:
        cheapest_hour = found("cheapest-hour")
        _shown = [mo.md("## 1. When fuel is cheapest\n\nToo few changes of prices to say.")]
    else:
        _level = np.cumsum([step for _, step in _hours])
        _low, _high = int(_level.argmin()), int(_level.argmax())
        _saved = (_level[_high] - _level[_low]) / 1000
        _figure, _axes = plt.subplots(figsize=(8, 3.2))
        _axes.plot(range(len(_hours)), (_level - _level[0]) / 10, color="#1f6f8b", marker="o")
        _axes.set_xticks(range(len(_hours)), [f"{hour:02}" for hour, _ in _hours])
        _axes.set(
            xlabel=f"hour, {ZONE}",
            ylabel=f"hundredths of {CURRENCY} a litre",
            title=f"{FUEL} against the first hour, {DAY}",
        )
        _axes.axvline(_low, color="#2e8b57", linestyle=":", label="cheapest")
        _axes.legend()
        cheapest_hour = found(
            "cheapest-hour", _figure, hour=_hours[_low][0], dearest_hour=_hours[_high][0],
            mills=round(_level[_high] - _level[_low]),
        )  # fmt: skip
        _shown = [
            mo.md(
                "## 1. When fuel is cheapest\n\n"
                f"The same stations ask least at **{_hours[_low][0]:02}:00** and most at {_hours[_high][0]:02}:00: "
                f"**{_saved:.3f} {CURRENCY} a litre** lie between, on average."
            ),
            _figure,
        ]
    mo.vstack(_shown)
    return (cheapest_hour,)


@app.cell
def _(CURRENCY, FUEL, LEAST_STATIONS, NEAR_METRES, TANK_LITRES, ZONE, database, found, mo, np, plt):
    # At six in the evening, or the known hour next to it, each station against the cheapest within reach. Cells of a
    # twentieth by a tenth of a degree are wider than 5 km up to 63 degrees north and south, so that whoever is near is
    # in the same cell or the next.
    _above = database.execute(
        """
        WITH here AS (
            SELECT station_id, price_mills, lat, lon, floor(lat * 20)::INT AS row, floor(lon * 10)::INT AS col
            FROM known JOIN stations USING (station_id) WHERE hour = (
                SELECT hour FROM known ORDER BY abs(extract(hour FROM hour AT TIME ZONE $zone) - 18), hour LIMIT 1
            )
        ), around AS (
            SELECT *, row + unnest([-1, 0, 1]) AS near_row FROM here
        ), reach AS (
            SELECT *, col + unnest([-1, 0, 1]) AS near_col FROM around
        )
        SELECT any_value(a.price_mills) - least(any_value(a.price_mills), min(b.price_mills))
        FROM reach a JOIN here b ON b.row = a.near_row AND b.col = a.near_col AND a.station_id <> b.station_id
        WHERE 12742000 * asin(sqrt(
            sin(radians(b.lat - a.lat) / 2) ** 2
            + cos(radians(a.lat)) * cos(radians(b.lat)) * sin(radians(b.lon - a.lon) / 2) ** 2
        )) <= $near
        GROUP BY a.station_id
        """,
        {"near": NEAR_METRES, "zone": ZONE},
    ).fetchnumpy()
    _mills = next(iter(_above.values())).astype(float)
    if len(_mills) < LEAST_STATIONS:
        neighbours = found("neighbours")
        _shown = [mo.md("## 2. What the next station asks\n\nToo few stations that are near one another to say.")]
    else:
        _median, _tenth = np.percentile(_mills, [50, 90])
        _figure, _axes = plt.subplots(figsize=(8, 3.2))
        _axes.hist(_mills / 10, bins=np.arange(0, np.percentile(_mills, 99) / 10 + 2), color="#1f6f8b")
        _axes.axvline(_median / 10, color="#c0392b", linestyle=":", label="half are above")
        _axes.set(
            xlabel=f"hundredths of {CURRENCY} a litre above the cheapest within 5 km", ylabel="stations", title=FUEL
        )
        _axes.legend()
        _dearer = int((_mills > 0).sum())
        neighbours = found(
            "neighbours", _figure, stations=len(_mills), median_mills=round(_median), tenth_mills=round(_tenth),
            dearer_stations=_dearer,
        )  # fmt: skip
        _shown = [
            mo.md(
                "## 2. What the next station asks\n\n"
                f"In the evening {_dearer:,} of {len(_mills):,} stations have a cheaper one within "
                f"{NEAR_METRES // 1000} km. Half are **{_median / 1000:.3f} {CURRENCY} a litre** or more above the "
                f"cheapest in reach, a tenth {_tenth / 1000:.3f}: {_tenth / 1000 * TANK_LITRES:.2f} {CURRENCY} "
                f"on {TANK_LITRES} litres."
            ),
            _figure,
        ]
    mo.vstack(_shown)
    return (neighbours,)


@app.cell
def _(LEAST_ORDERS, database, found, mo, plt):
    # What was paid, and how: one currency, that of the most orders.
    _mix = database.execute(
        """
        WITH main AS (SELECT currency FROM paid GROUP BY currency ORDER BY count(*) DESC, currency LIMIT 1)
        SELECT
            method, count(*), sum(paid_minor)::BIGINT, sum(gross_minor - paid_minor)::BIGINT, sum(gross_minor)::BIGINT
        FROM paid WHERE currency = (SELECT currency FROM main) GROUP BY method ORDER BY 2 DESC, method
        """
    ).fetchall()
    _refunds = database.execute("SELECT count(*), coalesce(sum(amount_minor), 0)::BIGINT FROM refunded").fetchone()
    _orders, _paid, _off, _gross = (sum(row[column] for row in _mix) for column in (1, 2, 3, 4))
    if _orders < LEAST_ORDERS:
        payments = found("payments")
        _shown = [mo.md(f"## 3. What drivers make of it\n\n{_orders} paid orders are too few to say.")]
    else:
        _figure, _axes = plt.subplots(figsize=(8, 2.4))
        _axes.barh([row[0] for row in _mix], [row[2] / 100 for row in _mix], color="#1f6f8b")
        _axes.invert_yaxis()
        _axes.set(xlabel="paid, whole units of the currency", title="By method of payment")
        payments = found(
            "payments", _figure, orders=_orders, paid_minor=_paid, discount_minor=_off, refunds=_refunds[0],
            refunded_minor=_refunds[1], orders_by_method={row[0]: row[1] for row in _mix},
        )  # fmt: skip
        _shown = [
            mo.md(
                "## 3. What drivers make of it\n\n"
                f"**{_orders:,} orders** were paid with {_paid / 100:,.2f}; discounts took {_off / _gross:.1%} off the "
                f"pump price, and {_refunds[0]:,} refunds gave {_refunds[1] / 100:,.2f} back. "
                f"Most paid by {_mix[0][0]}: {_mix[0][1] / _orders:.0%} of the orders."
            ),
            _figure,
        ]
    mo.vstack(_shown)
    return (payments,)


@app.cell
def _(LEAST_ORDERS, LEAST_PRICES, database, found, mo, np, plt):
    # Orders by station against its price: the logarithm of how many, as a line of how much dearer it is.
    _choices = database.execute(
        """
        WITH main AS (SELECT fuel, currency FROM paid GROUP BY ALL ORDER BY count(*) DESC, fuel LIMIT 1)
        SELECT avg(price_mills) - min(avg(price_mills)) OVER (), count(*) FROM paid
        WHERE (fuel, currency) IN (SELECT (fuel, currency) FROM main) GROUP BY station_id ORDER BY 1
        """
    ).fetchall()
    _dearer, _orders = np.array([row[0] for row in _choices]), np.array([row[1] for row in _choices], float)
    if _orders.sum() < LEAST_ORDERS or len(set(_dearer)) < LEAST_PRICES:
        choice = found("choice")
        _shown = [
            mo.md("Too few orders at stations with different prices to say whether drivers look for the cheap ones.")
        ]
    else:
        _slope, _level = np.polyfit(_dearer, np.log(_orders), 1, w=np.sqrt(_orders))
        _fewer = 1 - np.exp(_slope * 100)
        _share = _orders[0] / _orders.sum()
        _figure, _axes = plt.subplots(figsize=(8, 3.2))
        _axes.scatter(_dearer / 1000, _orders, s=60, color="#1f6f8b")
        _line = np.linspace(0, _dearer.max(), 50)
        _axes.plot(_line / 1000, np.exp(_level + _slope * _line), color="#c0392b", linestyle=":")
        _axes.set(
            xlabel="a litre dearer than the cheapest station",
            ylabel="orders",
            ylim=(0, None),
            title="Orders by a station's price",
        )
        choice = found("choice", _figure, stations=len(_choices), fewer_per_100_mills=round(float(_fewer), 4))
        _way = f"**{_fewer:.0%} fewer** orders" if _fewer > 0 else f"{-_fewer:.0%} more orders"
        _shown = [
            mo.md(
                f"A station that asked 0.10 more a litre had {_way}; the cheapest of {len(_choices)} took {_share:.0%} "
                "of them. It is one day and no experiment: what else is good about a station is in it, too."
            ),
            _figure,
        ]
    mo.vstack(_shown)
    return (choice,)


@app.cell
def _(OUT, cheapest_hour, choice, json, mo, neighbours, payments):
    findings = {"cheapest_hour": cheapest_hour, "neighbours": neighbours, "payments": payments, "choice": choice}
    if OUT is not None:
        OUT.mkdir(parents=True, exist_ok=True)
        (OUT / "findings.json").write_text(json.dumps(findings, indent=2) + "\n")
    mo.md("*Made from what `./forecourt export` wrote; drivers appear as pseudonyms of that export only.*")
    return (findings,)


if __name__ == "__main__":
    app.run()
