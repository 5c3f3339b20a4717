import ICAL from 'ical.js'

/** An entry of a calendar, its times in UTC. */
export interface CalendarEntry {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly location: string
  readonly start: Date
  readonly end: Date
  readonly cancelled: boolean
  readonly attendees: readonly Attendee[]
}

export interface Attendee {
  readonly email: string
  readonly name?: string | undefined
  readonly status?: string | undefined
  readonly role?: string | undefined
}

/**
 * Reads a calendar in iCalendar's form. Whole days begin at midnight UTC, times without a zone are
 * UTC, and an entry without an end lasts an hour. Repetitions are not unfolded.
 * @throws Error when it is no calendar.
 */
export function readCalendar(text: string): CalendarEntry[] {
  const calendar = new ICAL.Component(
    ICAL.parse(text) as ConstructorParameters<typeof ICAL.Component>[0],
  )
  return calendar.getAllSubcomponents('vevent').flatMap((component) => {
    const uid = textOf(component, 'uid')
    const start = timeOf(component, 'dtstart')
    if (uid === '' || start === undefined) return []
    return {
      uid,
      title: textOf(component, 'summary'),
      description: textOf(component, 'description'),
      location: textOf(component, 'location'),
      start,
      end: timeOf(component, 'dtend') ?? new Date(start.getTime() + 3_600_000),
      cancelled: textOf(component, 'status').toUpperCase() === 'CANCELLED',
      attendees: attendeesOf(component),
    }
  })
}

function textOf(component: ICAL.Component, name: string): string {
  const value: unknown = component.getFirstPropertyValue(name)
  return typeof value === 'string' ? value : ''
}

function timeOf(component: ICAL.Component, name: string): Date | undefined {
  const property = component.getFirstProperty(name)
  const time: unknown = property?.getFirstValue()
  if (!(time instanceof ICAL.Time)) return undefined
  const { year, month, day, hour, minute, second } = time
  const wall = Date.UTC(year, month - 1, day, hour, minute, second)
  const zone: unknown = property?.getParameter('tzid')
  return new Date(typeof zone === 'string' ? wall - offsetAt(zone, wall) : wall)
}

/** How far a zone is ahead of UTC at a wall clock time, in milliseconds; 0 for zones that nobody knows. */
function offsetAt(zone: string, wall: number): number {
  try {
    const first = offsetOf(zone, wall)
    // The offset at the moment itself, which near a change of the clock is another.
    return offsetOf(zone, wall - first)
  } catch {
    return 0
  }
}

function offsetOf(timeZone: string, at: number): number {
  const form = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  })
  const part = Object.fromEntries(
    form.formatToParts(at).map(({ type, value }) => [type, Number(value)]),
  )
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
  return Date.UTC(year, month - 1, day, hour, minute, second) - at
}

function attendeesOf(component: ICAL.Component): Attendee[] {
  const invited = component.getAllProperties('attendee').flatMap((property) => {
    // Some calendars write all attendees into one line; what is said of them is said of the first.
    const [first, ...others] = addressesOf(property)
    if (first === undefined) return []
    const named = {
      email: first,
      name: parameter(property, 'cn'),
      status: parameter(property, 'partstat'),
      role: parameter(property, 'role'),
    }
    return [named, ...others.map((email) => ({ email }))]
  })
  const organizer = component.getFirstProperty('organizer')
  const [email] = organizer === null ? [] : addressesOf(organizer)
  if (organizer === null || email === undefined) return invited
  return [...invited, { email, name: parameter(organizer, 'cn'), role: 'ORGANIZER' }]
}

function addressesOf(property: ICAL.Property): string[] {
  return String(property.getFirstValue())
    .split(',')
    .map((text) => text.trim().replace(/^mailto:/i, ''))
    .filter((text) => text !== '')
}

function parameter(property: ICAL.Property, name: string): string | undefined {
  const value: unknown = property.getParameter(name)
  return typeof value === 'string' ? value : undefined
}
