/** See `engine` in vite.config.ts. */
declare module "studio:engine" {
  const address: string;
  export default address;
}

declare module "*.css" {}
