import { z } from 'zod'

/** What a form sends for a user: text in, a name and an age out, or a message for each field. */
export const userInput = z.object({
  name: z
    .string('Enter a name.')
    .trim()
    .min(1, 'Enter a name.')
    .max(160, 'A name can have at most 160 characters.')
    .regex(/^\P{Cc}*$/u, 'A name cannot contain control characters.'),
  age: z
    .string('Enter an age.')
    .trim()
    .min(1, 'Enter an age.')
    .regex(/^([+-]?\d+)?$/, 'An age is a whole number, such as 36.')
    .transform(Number)
    .refine((age) => age >= 0, 'An age is at least 0.')
    .refine((age) => age <= 150, 'An age is at most 150.'),
})

export type UserInput = z.infer<typeof userInput>
