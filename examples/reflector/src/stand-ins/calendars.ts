import { Hono } from 'hono'

/** Calendar feeds: a text under a name. */
export class Calendars {
  readonly feeds = new Map<string, string>()

  clear(): void {
    this.feeds.clear()
  }

  app(): Hono {
    return new Hono()
      .get('/:name', (context) => {
        const feed = this.feeds.get(context.req.param('name'))
        if (feed === undefined) return context.text('Not Found', 404)
        return context.body(feed, 200, { 'content-type': 'text/calendar; charset=utf-8' })
      })
      .put('/:name', async (context) => {
        this.feeds.set(context.req.param('name'), await context.req.text())
        return context.body(null, 204)
      })
  }
}
