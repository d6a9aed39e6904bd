/**
 * What platforms call the same metropolitan area: Fly (and airports in general), Vercel, AWS, Google Cloud (and Railway's and Render's
 * forms), Azure, Koyeb, DigitalOcean. Only what their lists of regions place in the same city or, for AWS, Google and Azure, in the same
 * part of a country. A code stands in one area.
 *
 * @see https://fly.io/docs/reference/regions/
 * @see https://vercel.com/docs/regions
 * @see https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
 * @see https://cloud.google.com/compute/docs/regions-zones
 * @see https://learn.microsoft.com/azure/reliability/regions-list
 * @see https://docs.railway.com/deployments/regions
 * @see https://www.koyeb.com/docs/reference/regions
 * @see https://render.com/docs/regions
 * @see https://docs.digitalocean.com/platform/regional-availability/
 */
export const AREAS: readonly string[] = [
  // North America
  'iad iad1 us-east-1 us-east4 us-east4-eqdc4a eastus eastus2 was aws-us-east-1 virginia',
  'cle1 us-east-2 us-east5 ohio',
  'ewr nyc1 nyc2 nyc3',
  'ord northcentralus',
  'dfw us-south1',
  'pdx1 us-west-2 us-west1 oregon',
  'sjc sfo sfo1 sfo2 sfo3 us-west-1 westus',
  'lax us-west2',
  'yul yul1 ca-central-1 northamerica-northeast1',
  'yyz tor1 northamerica-northeast2 canadacentral',
  // South America
  'gru gru1 sa-east-1 southamerica-east1 brazilsouth',
  // Europe
  'lhr lhr1 lon1 eu-west-2 europe-west2 uksouth',
  'dub1 eu-west-1 northeurope',
  'cdg cdg1 par eu-west-3 europe-west9 francecentral',
  'ams ams2 ams3 europe-west4 europe-west4-drams3a westeurope',
  'fra fra1 eu-central-1 europe-west3 germanywestcentral frankfurt',
  'arn arn1 eu-north-1 europe-north2',
  'eu-central-2 europe-west6 switzerlandnorth',
  'eu-south-1 europe-west8 italynorth',
  'waw europe-central2 polandcentral',
  // Asia, Australia, Africa
  'nrt hnd1 tyo ap-northeast-1 asia-northeast1 japaneast',
  'kix1 ap-northeast-3 asia-northeast2 japanwest',
  'icn1 ap-northeast-2 asia-northeast3 koreacentral',
  'hkg hkg1 ap-east-1 asia-east2 eastasia',
  'sin sin1 sgp1 ap-southeast-1 asia-southeast1 asia-southeast1-eqsg3a southeastasia singapore',
  'bom bom1 ap-south-1 asia-south1 westindia',
  'dxb1 me-central-1 uaenorth',
  'syd syd1 ap-southeast-2 australia-southeast1 australiaeast',
  'jnb africa-south1 southafricanorth',
  'cpt1 af-south-1 southafricawest',
]

const areaOf: ReadonlyMap<string, number> = new Map(
  AREAS.flatMap((codes, area) => codes.split(' ').map((code): [string, number] => [code, area])),
)

/** Whether two codes name the same metropolitan area, though perhaps on different platforms. */
export function isSameArea(a: string, b: string): boolean {
  return a === b || (areaOf.has(a) && areaOf.get(a) === areaOf.get(b))
}
