/** Server-sent events cut out of text that arrives in pieces (WHATWG HTML, 9.2.6), as far as this API uses them. */
export class EventParser<Event> {
  #rest = '';
  #data: string[] = [];

  /** @returns the events that this piece completes. */
  feed(piece: string): Event[] {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop()!;
    const events: Event[] = [];
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line.startsWith('data:')) this.#data.push(line.slice(5).replace(/^ /, ''));
      if (line !== '' || this.#data.length === 0) continue;
      const data = this.#data.join('\n');
      this.#data = [];
      try {
        events.push(JSON.parse(data) as Event);
      } catch {
        // Not an event of ours: a newer daemon may send other data.
      }
    }
    return events;
  }
}
