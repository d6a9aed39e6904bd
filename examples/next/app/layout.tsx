import type { Metadata } from 'next'
import type { ReactNode } from 'react'

export const metadata: Metadata = { title: 'Notes' }

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body
        style={{ maxWidth: '40rem', margin: '0 auto', padding: '1rem', font: '1.0625rem/1.5 system-ui, sans-serif' }}
      >
        {children}
      </body>
    </html>
  )
}
