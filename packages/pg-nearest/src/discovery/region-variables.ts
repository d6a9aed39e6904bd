/**
 * Variables that hold the region in which a process runs, in the order in which they are read: those of platforms, each with the page that
 * says so, and one of your own.
 *
 * Not here, because there is nothing to read: Render, Heroku and DigitalOcean's App Platform set no such variable (set `MY_REGION`), and
 * Cloud Run tells only over the network.
 */
export const REGION_VARIABLES: readonly string[] = [
  // https://fly.io/docs/machines/runtime-environment/
  'FLY_REGION',
  // Yours, anywhere.
  'MY_REGION',
  // https://docs.railway.com/reference/variables
  'RAILWAY_REPLICA_REGION',
  // https://vercel.com/docs/environment-variables/system-environment-variables
  'VERCEL_REGION',
  // https://www.koyeb.com/docs/build-and-deploy/environment-variables
  'KOYEB_REGION',
  // Azure App Service and Functions: https://learn.microsoft.com/azure/app-service/reference-app-settings
  'REGION_NAME',
  // Lambda, and ECS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-environment-variables.html
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
]
