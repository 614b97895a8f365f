// The sign-in of App Service, by which people look at boards without a function key, or that there is none. It is written
// either way: what a deployment leaves out stays as it was.
param appName string

param hasSlot bool

@description('Client id of the application that people sign in to. Empty: nobody signs in.')
param clientId string

@description('The setting that names the identity by which the app proves to Microsoft Entra who it is, in place of a secret.')
param identitySetting string

var settings = empty(clientId) ? { platform: { enabled: false } } : {
  platform: { enabled: true, runtimeVersion: '~1' }
  globalValidation: {
    requireAuthentication: true
    unauthenticatedClientAction: 'RedirectToLoginPage'
    redirectToProvider: 'azureactivedirectory'
    // Azure DevOps and probes cannot sign in: hooks have a key and a secret, and health tells the operator alone what is
    // worth telling.
    excludedPaths: [
      '/api/webhooks/azure-devops'
      '/api/webhooks/azure-devops/*'
      '/api/health'
      '/api/health/*'
    ]
  }
  httpSettings: { requireHttps: true }
  identityProviders: {
    azureActiveDirectory: {
      enabled: true
      registration: {
        clientId: clientId
        clientSecretSettingName: identitySetting
        openIdIssuer: uri(environment().authentication.loginEndpoint, '${tenant().tenantId}/v2.0')
      }
    }
  }
  login: {
    // Without it there is no /.auth/me, by which the page learns that somebody is signed out.
    tokenStore: { enabled: true }
    cookieExpiration: { convention: 'FixedTime', timeToExpiration: '08:00:00' }
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName

  resource slot 'slots' existing = if (hasSlot) { name: 'staging' }
}

resource ofApp 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: settings
}

resource ofSlot 'Microsoft.Web/sites/slots/config@2024-11-01' = if (hasSlot) {
  parent: app::slot
  name: 'authsettingsV2'
  properties: settings
}
