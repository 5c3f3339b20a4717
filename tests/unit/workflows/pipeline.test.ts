import { describe, expect, it } from 'vitest'
import { MalformedMessageError } from '../../../src/core/errors.ts'
import { pipeData, pipePlace } from '../../../src/broker/pipeline/pipe-step.ts'
import { pipelineSuite } from '../../support/pipeline-suite.ts'

describe('pipelines on the memory transport', () => pipelineSuite(() => 'memory:'))

const step = {
  step_type: 'sequential' as const,
  step_data: { task_name: 'a', labels: {}, param_name: null, additional_kwargs: {} },
  task_id: 'id',
}

describe('the labels of a pipeline', () => {
  it('are read as bytes, or as base64 where their type was lost', () => {
    const data = pipeData([step])
    const text = Buffer.from(data).toString('base64')
    expect(pipePlace({})).toBeUndefined()
    expect(pipePlace({ _pipe_data: data, _pipe_current_step: 0 })?.steps).toEqual([step])
    expect(pipePlace({ _pipe_data: text, _pipe_current_step: '0' })?.at).toBe(0)
  })

  it.each([
    { _pipe_data: 'x' },
    { _pipe_data: 5, _pipe_current_step: 0 },
    { _pipe_data: '!!', _pipe_current_step: 0 },
    { _pipe_data: pipeData([]).subarray(1), _pipe_current_step: 0 },
    ...[
      'x',
      { ...step, step_type: 'leap' },
      { ...step, task_id: ' ' },
      { ...step, step_data: 5 },
      { ...step, step_data: { ...step.step_data, task_name: 1 } },
      { ...step, step_data: { ...step.step_data, labels: [] } },
      { ...step, step_data: { ...step.step_data, param_name: 4 } },
    ].map((bad) => ({ _pipe_data: pipeData([bad as never]), _pipe_current_step: 0 })),
  ])('are refused where they are not what they should be: %#', (labels) => {
    expect(() => pipePlace(labels)).toThrow(MalformedMessageError)
  })
})
