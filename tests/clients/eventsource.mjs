// Reads a stream as the documentation of `eventsource` shows it, and prints the id and the data of each event.
import { EventSource } from "eventsource";

const source = new EventSource(process.argv[2]);
source.onmessage = (event) => console.log(`${event.lastEventId} ${event.data}`);
