/** The fixed addresses of the two namespaces: see netns.ts. */
export const CLIENT4 = "198.51.100.1";
export const CLIENT6 = "2001:db8::1";
export const SERVER4 = "198.51.100.2";
export const SERVER6 = "2001:db8::2";
export const DNS4 = "198.51.100.53";
export const DNS6 = "2001:db8::53";
/** A second resolver, which no policy trusts. */
export const ROGUE4 = "198.51.100.54";
export const ANY4 = "198.18.0.0/15";
export const ANY6 = "2001:db8:a::/48";
