/** What `taskwright inspect` can look at. */
export const inspectable = [
  'ping',
  'stats',
  'active',
  'registered',
  'messages',
  'scheduled',
  'paused',
] as const
