import type { Transport, TransportFactory } from 'taskwright'

/** A transport some of whose methods are replaced; everything else passes. */
export function wrapTransport(
  inner: TransportFactory,
  replace: (transport: Transport) => Partial<Transport>,
): TransportFactory {
  return {
    ...inner,
    create(around) {
      const opened = inner.create(around)
      return { ...opened, transport: overlay(opened.transport, replace(opened.transport)) }
    },
  }
}

function overlay(inner: Transport, own: Partial<Transport>): Transport {
  return new Proxy(inner, {
    get(target, name) {
      const replaced: unknown = Reflect.get(own, name)
      if (replaced !== undefined) return replaced
      const value: unknown = Reflect.get(target, name)
      // Bound: its private fields are not the proxy's.
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
