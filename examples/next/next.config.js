/** @type {import('next').NextConfig} */
export default {
  // They are loaded as they are, once for the whole process.
  serverExternalPackages: ['pg', 'pg-nearest'],
}
