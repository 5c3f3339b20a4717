/** What `taskwright inspect` can look at. */
export const inspectable = ['ping', 'stats', 'active', 'registered', 'scheduled', 'paused'] as const
