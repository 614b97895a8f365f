// What happened since the last stand-up.

export class Digest {
  follow() {}
}
