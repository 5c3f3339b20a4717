/** A measurement: how much of something was there after so much work. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** How fast `y` grows with `x`: the slope of the straight line with the least squares. */
export function slopeOf(points: readonly Point[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length
  const [mx, my] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))]
  const covariance = points.reduce((sum, { x, y }) => sum + (x - mx) * (y - my), 0)
  const variance = points.reduce((sum, { x }) => sum + (x - mx) ** 2, 0)
  return variance === 0 ? 0 : covariance / variance
}
