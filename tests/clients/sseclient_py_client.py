"""Reads a stream with sseclient-py, and prints the id and the data of each event."""

import json
import random
import sys
import time

import httpx
import sseclient

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
        headers = {"Accept": "text/event-stream"}
        if last_event_id:
            headers["Last-Event-ID"] = last_event_id
        retry_after = 0.0
        try:
            with client.stream("GET", sys.argv[1], headers=headers) as response:
                asked = response.headers.get("Retry-After", "")
                retry_after = float(asked) if asked.isdigit() else 0.0
                response.raise_for_status()
                for event in sseclient.SSEClient(response.iter_bytes()).events():
                    # Where a connection ends in the middle of an event it hands on the half.
                    json.loads(event.data)
                    failures = 0
                    last_event_id = event.id or last_event_id
                    if event.retry is not None:
                        retry = int(event.retry) / 1000
                    print(event.id or "", event.data, flush=True)
        except (httpx.HTTPError, ValueError):
            pass
        time.sleep(pause())
