"""What docs/api/openapi.json cannot say of requests, for schemathesis: which parameters exclude each other, and what there is in
the simulated organisation. Without it nearly every request by chance would ask for a board that nobody knows."""

import datetime

import schemathesis

EXPLAINED = ("points.remaining", "velocity.average", "item:501", "item:9")


@schemathesis.hook
def before_call(context, case, kwargs):
    query = case.query or {}
    asked = [name for name in ("tile", "format", "explain", "day", "sprint", "since") if name in query]
    if not asked or not case.meta.generation.mode.is_positive:
        return
    # Of a day that is over a number can be asked, and no item.
    is_both = asked[:2] == ["explain", "day"]
    for name in asked[2 if is_both else 1 :]:
        del query[name]
    chosen = hash(str(query))
    query["project"] = ("Fabrikam Fiber", "Contoso Clinic", "Nowhere")[chosen % 3]
    query["team"] = ("Web", "Mobile Apps", "Clinic", "-")[chosen // 3 % 4]
    if asked[0] in ("tile", "format"):
        query["tile"] = ("points.remaining", "outlook", query.get("tile", ""))[chosen // 12 % 3]
        query["format"] = "svg"
    if is_both:
        query["explain"] = EXPLAINED[chosen // 12 % 2]
    elif asked[0] == "explain":
        query["explain"] = (*EXPLAINED, query["explain"])[chosen // 12 % 5]
    if asked[0] == "since":
        since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=chosen // 12 % 20000)
        query["since"] = (since.isoformat(), str(int(since.timestamp() * 1000)))[chosen % 2]
    if "day" in query and chosen // 12 % 2:
        query["day"] = str(datetime.date.today() - datetime.timedelta(days=chosen // 24 % 40))
