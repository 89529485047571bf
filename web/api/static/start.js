// A file of its own, so that the page needs no inline script.
window.ui = SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  validatorUrl: null, // would ask a foreign host
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
});
