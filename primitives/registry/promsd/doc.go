// Package promsd shows Prometheus the instances of services, for its HTTP service discovery:
//
//	http.Handle("/targets", promsd.New(r, []string{"orders"}, &promsd.Options{Endpoint: "metrics"}))
//
//	scrape_configs:
//	  - job_name: coord
//	    http_sd_configs: [{url: http://host/targets}]
//	    relabel_configs:
//	      - {source_labels: [__meta_coord_service], target_label: service}
//	      - {source_labels: [__meta_coord_id], target_label: instance}
//
// # What is answered
//
// Always the whole list, each instance a group with the addresses of one endpoint: also those that do not take work, unless a
// filter leaves them out, for what is starting or draining is to be seen too. Its labels, each prefixed with __meta_coord_, are
// service, id, status, version, zone, weight; endpoint and scheme, as registered; tags, sorted, each between commas
// (",big,eu,"); and metadata_<key> for each pair of metadata, where each byte of the key but letters, digits and _ is replaced
// by _ . Of keys that become the same, the first in order counts.
//
// Services without instances are an empty list, and 200. While the store has not answered yet for one of them, the answer is
// 503, and Prometheus keeps the targets it has. An outage later is none of the services: what was known is answered.
package promsd
