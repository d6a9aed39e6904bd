import type { z } from 'zod'
import type { User } from '../accounts/schema.ts'
import type { UserInput } from '../accounts/user-input.ts'

/** A form as a person sees it: the text of each field, and what is wrong with it. */
export interface FormState {
  readonly values: FormValues
  readonly errors: FormErrors
}

export type FormValues = Readonly<Record<keyof UserInput, string>>
export type FormErrors = Readonly<Partial<Record<keyof UserInput, string>>>

export const emptyForm: FormState = { values: { name: '', age: '' }, errors: {} }

export const formOf = (user: User): FormState => ({ values: { name: user.name, age: String(user.age) }, errors: {} })

/** The form as it was sent, with the first message for each field. */
export const rejectedForm = (sent: unknown, error: z.core.$ZodError<UserInput>): FormState => {
  const errors: Partial<Record<keyof UserInput, string>> = {}
  for (const { path, message } of error.issues) {
    const [field] = path
    if (field === 'name' || field === 'age') errors[field] ??= message
  }
  return { values: { name: sentText(sent, 'name'), age: sentText(sent, 'age') }, errors }
}

const sentText = (sent: unknown, field: string): string => {
  const value: unknown = typeof sent === 'object' && sent !== null ? Reflect.get(sent, field) : undefined
  return typeof value === 'string' ? value : ''
}
