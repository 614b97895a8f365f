"""Reads a stream as the documentation of httpx-sse shows it, and prints the id and the data of each event."""

import json
import sys
import time

import httpx
from httpx_sse import connect_sse

last_event_id = ""
reconnection_delay = 0.0


def iter_sse(client, url):
    global last_event_id, reconnection_delay
    headers = {"Accept": "text/event-stream"}
    if last_event_id:
        headers["Last-Event-ID"] = last_event_id
    with connect_sse(client, "GET", url, headers=headers) as event_source:
        for sse in event_source.iter_sse():
            # On a new connection there may be events before the first that has an id.
            last_event_id = sse.id or last_event_id
            if sse.retry is not None:
                reconnection_delay = sse.retry / 1000
            yield sse


with httpx.Client(timeout=httpx.Timeout(5, read=60)) as client:
    while True:
        try:
            for sse in iter_sse(client, sys.argv[1]):
                # A block that tells a position alone is no event.
                if not sse.data:
                    continue
                json.loads(sse.data)
                print(sse.id, sse.data, flush=True)
        except httpx.TransportError:
            pass
        time.sleep(reconnection_delay)
