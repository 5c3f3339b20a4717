import { createBroker } from 'taskwright'

export const broker = createBroker('sqlite:./tasks.db')
