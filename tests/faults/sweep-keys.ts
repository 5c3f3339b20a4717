/** Deletes the keys whose name holds `prefix`: those of one run. */
export async function sweepKeys({ url, prefix }: { url: string; prefix: string }): Promise<void> {
  const { Redis } = await import('ioredis')
  const client = new Redis(url)
  let cursor = '0'
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', `*${prefix}*`, 'COUNT', 1000)
    cursor = next
    if (keys.length > 0) await client.del(...keys)
  } while (cursor !== '0')
  await client.quit()
}
