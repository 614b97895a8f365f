// Holds the webhook's secret and the operator's key. scripts/secrets makes both where they are absent; a template would
// make new ones each time. What is deleted stays for a week and can be recovered or purged.
param name string
param location string
param tags object

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
  }
}
