/** Servers of a test's own that stand together: a cluster, and a primary with its Sentinel. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep, systemClock } from '../../src/core/clock.ts'
import { freePort, OwnRedis } from './own-redis.ts'

/** Milliseconds until they have found each other. */
const patience = 30_000

/** Three primaries that share all slots. */
export class OwnCluster {
  readonly nodes: readonly OwnRedis[]

  private constructor(nodes: readonly OwnRedis[]) {
    this.nodes = nodes
  }

  static async start(): Promise<OwnCluster> {
    const nodes: OwnRedis[] = []
    for (let i = 0; i < 3; i++) {
      const bus = await freePort()
      nodes.push(await OwnRedis.start(['--cluster-enabled', 'yes', '--cluster-port', String(bus)]))
    }
    const places = nodes.map(({ port }) => `127.0.0.1:${port}`)
    const args = ['--cluster', 'create', ...places, '--cluster-yes', '--cluster-replicas', '0']
    execFileSync('redis-cli', args, { stdio: 'pipe', timeout: patience })
    for (const node of nodes)
      await until(() => node.cli('CLUSTER', 'INFO').includes('cluster_state:ok'))
    return new OwnCluster(nodes)
  }

  /** Where clients begin. */
  get places(): { host: string; port: number }[] {
    return this.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  }

  async remove(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.remove()))
  }
}

/** A primary, its replica, and a Sentinel that watches them. */
export class OwnSentinel {
  readonly name = 'main'
  readonly primary: OwnRedis
  readonly replica: OwnRedis
  readonly sentinel: OwnRedis

  private constructor(of: { primary: OwnRedis; replica: OwnRedis; sentinel: OwnRedis }) {
    this.primary = of.primary
    this.replica = of.replica
    this.sentinel = of.sentinel
  }

  static async start(): Promise<OwnSentinel> {
    const primary = await OwnRedis.start()
    const replica = await OwnRedis.start(['--replicaof', `127.0.0.1 ${primary.port}`])
    await until(() => replica.cli('INFO', 'replication').includes('master_link_status:up'))
    const file = join(mkdtempSync(join(tmpdir(), 'taskwright-redis-')), 'sentinel.conf')
    writeFileSync(
      file,
      [
        `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
        'sentinel down-after-milliseconds main 1000',
        'sentinel failover-timeout main 5000',
      ].join('\n'),
    )
    const sentinel = await OwnRedis.start([file, '--sentinel'])
    await until(() => sentinel.cli('SENTINEL', 'REPLICAS', 'main').includes(String(replica.port)))
    return new OwnSentinel({ primary, replica, sentinel })
  }

  /**
   * Resolves when the replica has all that was written by now. (WAIT waits for the writes of its own
   * connection only.)
   */
  async replicated(): Promise<void> {
    this.primary.cli('SET', 'mark', 'here')
    await until(() => this.replica.cli('GET', 'mark').includes('here'))
  }

  /** Options of a client that asks the Sentinel. */
  get options(): { sentinels: { host: string; port: number }[]; name: string } {
    return { sentinels: [{ host: '127.0.0.1', port: this.sentinel.port }], name: this.name }
  }

  async remove(): Promise<void> {
    await Promise.all([this.sentinel, this.replica, this.primary].map((one) => one.remove()))
  }
}

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + patience
  while (!holds()) {
    if (performance.now() > end) throw new Error('the servers did not find each other')
    await sleep(systemClock, 50)
  }
}
