"""Reads a stream as the documentation of sseclient-py shows it, and prints the id and the data of each event."""

import json
import sys
import time

import httpx
import sseclient

last_event_id = None
reconnection_delay = 0.0


def with_httpx(url, headers):
    with httpx.stream("GET", url, headers=headers, timeout=httpx.Timeout(5, read=60)) as response:
        yield from response.iter_bytes()


while True:
    headers = {"Accept": "text/event-stream"}
    if last_event_id:
        headers["Last-Event-ID"] = last_event_id
    try:
        client = sseclient.SSEClient(with_httpx(sys.argv[1], headers))
        for event in client.events():
            json.loads(event.data)
            print(event.id or "", event.data, flush=True)
            last_event_id = event.id or last_event_id
            if event.retry is not None:
                reconnection_delay = int(event.retry) / 1000
    except httpx.TransportError:
        pass
    time.sleep(reconnection_delay)
