"""Reads a stream with httpx-sse, and prints the id and the data of each event."""

import random
import sys
import time

import httpx
from httpx_sse import connect_sse

PAUSE_MAX = 30.0

last_event_id = ""
retry = 2.0
failures = 0
retry_after = 0.0


def pause():
    """Twice as long after each failure, and never the same for all clients; never sooner than was asked for."""
    global failures
    seconds = min(PAUSE_MAX, retry * 2.0 ** min(failures, 10)) * random.uniform(0.75, 1.25)
    failures += 1
    return max(seconds, retry_after)


with httpx.Client(timeout=httpx.Timeout(5, read=60)) as client:
    while True:
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        retry_after = 0.0
        try:
            with connect_sse(client, "GET", sys.argv[1], headers=headers) as source:
                asked = source.response.headers.get("Retry-After", "")
                retry_after = float(asked) if asked.isdigit() else 0.0
                source.response.raise_for_status()
                for event in source.iter_sse():
                    if event.retry is not None:
                        retry = event.retry / 1000
                    # On a new connection there may be events before the first that has an id.
                    last_event_id = event.id or last_event_id
                    # A block that tells a position alone is no event.
                    if event.data:
                        failures = 0
                        print(event.id, event.data, flush=True)
        except httpx.HTTPError:
            pass
        time.sleep(pause())
